#pragma once
// The checks of the code family, for its catalogue in code.cpp.

#include "policies/rule.hpp"

namespace sallyport {

void check_obfuscated_names(const Release& release, FindingSink& sink);
void check_escapes(const Release& release, FindingSink& sink);
void check_hidden_by_space(const Release& release, FindingSink& sink);
void check_long_line(const Release& release, FindingSink& sink);
void check_encoded_blob(const Release& release, FindingSink& sink);
void check_bidi(const Release& release, FindingSink& sink);
void check_invisible(const Release& release, FindingSink& sink);
void check_homoglyph(const Release& release, FindingSink& sink);
void check_capability(const Release& release, FindingSink& sink);
void check_exfiltration(const Release& release, FindingSink& sink);
void check_download_and_run(const Release& release, FindingSink& sink);
void check_self_publish(const Release& release, FindingSink& sink);
void check_persistence(const Release& release, FindingSink& sink);
void check_unparsable(const Release& release, FindingSink& sink);

}  // namespace sallyport
