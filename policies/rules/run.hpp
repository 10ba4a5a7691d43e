#pragma once
// The checks of the run family beside those in run.cpp, which has its catalogue.

#include "policies/rule.hpp"

namespace sallyport {

void check_gyp(const Release& release, FindingSink& sink);
void check_bin(const Release& release, FindingSink& sink);
void check_native(const Release& release, FindingSink& sink);
void check_polyglot(const Release& release, FindingSink& sink);

}  // namespace sallyport
