#pragma once
// The checks of the origin family; its catalogue is origin.cpp.

#include "policies/rule.hpp"

namespace sallyport {

// origin_publisher.cpp: accounts, credentials and ways of publishing
void check_publisher(const Release& release, FindingSink& sink);
void check_path(const Release& release, FindingSink& sink);

// origin_provenance.cpp
void check_provenance_change(const Release& release, FindingSink& sink);
void check_provenance_invalid(const Release& release, FindingSink& sink);

// origin_habits.cpp: when, and with what
void check_dormant(const Release& release, FindingSink& sink);
void check_velocity(const Release& release, FindingSink& sink);
void check_toolchain(const Release& release, FindingSink& sink);

}  // namespace sallyport
