#pragma once
// What the code in a text could do: its capabilities, and the signs that the rules of attacks speak of.

#include <string_view>

#include "policies/code/tell_tales.hpp"
#include "policies/content/file_content.hpp"

namespace sallyport {

// Signs under these ids tell what a rule joins with other things before it speaks.
inline constexpr std::string_view sign_credentials = "code/exfiltration",  // with a way out near it
    sign_credentials_alone = "code/exfiltration/alone",                    // ... or none in sight
    sign_run = "code/download-and-run", sign_publish = "code/self-publish",
                                  sign_persistence = "code/persistence", sign_unparsable = "code/unparsable";

// Reads a text that `counts` says is worth it, and adds what it finds to `content`. `path` says what it is: a
// script, or data and prose of which the strings are looked into as well.
void read_code(std::string_view path, const FileBytes& bytes, const TellTaleCounts& counts,
               FileContent& content);

}  // namespace sallyport
