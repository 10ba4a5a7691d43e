#pragma once
// `sallyport gc`: removes from the data folder what nothing refers to any more. What is younger than a day is
// left alone, because its record may be on its way.

#include "proxy/cli/commands.hpp"

namespace sallyport {

// 0 done, 1 tarballs that are referred to are not there, 2 refused or stopped. Beside any other work.
int collect_garbage(const ConsoleContext& context, bool dry_run, bool watched, const ConsoleOutput& output);

}  // namespace sallyport
