#pragma once
// What a command line for a shell would do, wherever it stands: in a script, a call of exec, a shell file.

#include <string_view>

namespace sallyport {

enum class CommandKind { none, download_and_run, install_global, publish };

// The first telling thing in `text`: "curl … | sh", /dev/tcp, encoded PowerShell, "npm install -g", "npm
// publish". Case counts only where a shell makes it count.
CommandKind command_kind(std::string_view text);

}  // namespace sallyport
