// The one translation unit that compiles Asio (BOOST_ASIO_SEPARATE_COMPILATION). It stands here, and not in
// proxy/http, because the executors of this folder are the lowest user of Asio.

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <boost/asio/impl/src.hpp>
#pragma clang diagnostic pop
