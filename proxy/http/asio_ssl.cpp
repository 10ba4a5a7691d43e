// The one translation unit that compiles Asio's TLS (BOOST_ASIO_SEPARATE_COMPILATION).

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#include <boost/asio/ssl/impl/src.hpp>
#pragma clang diagnostic pop
