#pragma once
#include <map>
#include <string>

namespace sallyport {

// The variables of this process, as they are now. Not while another thread sets one.
std::map<std::string, std::string> process_environment();

}  // namespace sallyport
