#pragma once
// The checks of the pack family beside those in pack.cpp, which has its catalogue.

#include <string>

#include "policies/rule.hpp"

namespace sallyport {

void check_wide_files(const Release& release, FindingSink& sink);
void check_dev_dependency(const Release& release, FindingSink& sink);
void check_bundled(const Release& release, FindingSink& sink);
void check_entry_points(const Release& release, FindingSink& sink);
void check_license(const Release& release, FindingSink& sink);

}  // namespace sallyport
