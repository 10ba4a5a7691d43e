#pragma once
// The checks of the size family that need more than one earlier figure, for its catalogue in size.cpp.

#include "policies/rule.hpp"

namespace sallyport {

void check_outlier(const Release& release, FindingSink& sink);
void check_shrink(const Release& release, FindingSink& sink);
void check_ratio(const Release& release, FindingSink& sink);
void check_new_path(const Release& release, FindingSink& sink);

std::uint64_t median(std::vector<std::uint64_t> values);  // of one value or more; the upper of two middles

}  // namespace sallyport
