#pragma once
// The checks of the origin family; its catalogue is origin.cpp.

#include "policies/rule.hpp"

namespace sallyport {

// origin_provenance.cpp
void check_provenance_change(const Release& release, FindingSink& sink);
void check_provenance_invalid(const Release& release, FindingSink& sink);

}  // namespace sallyport
