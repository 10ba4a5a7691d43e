#include "policies/code/commands.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

#include "storage/base/one_of.hpp"

namespace sallyport {

namespace {

// Words and the operators between them; quotes, carets and backslashes, which a shell would drop, dropped.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto end = [&] {
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (std::size_t i = 0; i < text.size() && out.size() < 2000; ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && text[i + 1] == '\n') {  // the line goes on
      end();
      ++i;
      continue;
    }
    if (c == '\'' || c == '"' || c == '\\' || c == '^' || c == '`') continue;
    if (c == ' ' || c == '\t' || c == '\r') {
      end();
    } else if (c == '|' || c == ';' || c == '&' || c == '\n' || c == '(' || c == ')' || c == '<' ||
               c == '>') {
      end();
      out.push_back(std::string(1, c == '&' ? ';' : c));
    } else {
      word += c;
    }
  }
  end();
  return out;
}

std::string program_of(std::string_view word) {
  word = word.substr(word.find_last_of("/\\") + 1);
  std::string name(word);
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.ends_with(".exe") || name.ends_with(".cmd")) name.resize(name.size() - 4);
  return name;
}

bool fetches(std::string_view program) {
  return one_of(program, {"curl", "wget", "iwr", "irm", "invoke-webrequest", "invoke-restmethod", "fetch"});
}

bool runs_text(std::string_view program) {
  return one_of(program,
                {"sh", "bash", "zsh", "dash", "ksh", "node", "python", "python3", "perl", "ruby", "iex",
                 "invoke-expression", "source", ".", "bun", "deno", "pwsh", "powershell", "eval"});
}

}  // namespace

CommandKind command_kind(std::string_view text) {
  if (text.find("/dev/tcp/") != std::string_view::npos) return CommandKind::download_and_run;
  const std::vector<std::string> words = words_of(text);
  bool begins = true;    // a command stands here
  bool fetched = false;  // ... and one before it, in the same line, fetched something
  bool piped = false;    // ... into this one
  std::string kept;      // the file that it was kept in
  CommandKind found = CommandKind::none;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "\n") fetched = piped = false;
    if (word == "|" || word == ";" || word == "\n" || word == "(" || word == ")" || word == "<" ||
        word == ">") {
      piped = word == "|" && fetched;
      begins = true;
      continue;
    }
    if (!begins) continue;
    const std::string program = program_of(word);
    if (one_of(program, {"sudo", "env", "exec", "command", "nohup", "then", "do", "else", "cmd", "/c", "-c",
                         "npx", "&&"}) ||
        word.find('=') != std::string::npos || word.starts_with('-') || word.starts_with('$') || word == "/c")
      continue;  // the command comes behind it
    begins = false;
    if (piped && runs_text(program)) return CommandKind::download_and_run;
    if (!kept.empty() &&
        (program_of(kept) == program || (runs_text(program) && i + 1 < words.size() && words[i + 1] == kept)))
      return CommandKind::download_and_run;
    if (fetches(program)) {
      fetched = true;
      for (std::size_t k = i + 1;
           k + 1 < words.size() && words[k] != ";" && words[k] != "|" && words[k] != "\n"; ++k)
        if (one_of(words[k], {"-o", "-O", "--output", "-OutFile", "--output-document", ">"}))
          kept = words[k + 1];
      // bash <(curl …), sh -c "$(curl …)"
      if (i >= 2 && words[i - 1] == "(") {
        std::size_t k = i - 1;
        while (k > 0 && (words[k - 1] == "<" || words[k - 1] == "$" || words[k - 1].starts_with('-'))) --k;
        if (k > 0 && runs_text(program_of(words[k - 1]))) return CommandKind::download_and_run;
      }
    } else if (program == "powershell" || program == "pwsh") {
      for (std::size_t k = i + 1; k < words.size() && words[k] != "\n"; ++k) {
        std::string option = program_of(words[k]);
        if (option.starts_with("-e") && std::string_view("-encodedcommand").starts_with(option) &&
            k + 1 < words.size() && words[k + 1].size() >= 16)
          return CommandKind::download_and_run;
        if (option == "iex" || option == "invoke-expression" ||
            option.find("downloadstring") != std::string::npos)
          return CommandKind::download_and_run;
      }
    } else if (runs_text(program) && i + 1 < words.size() && words[i + 1].starts_with('-') &&
               words[i + 1].ends_with('c')) {
      begins = true;  // sh -c "…"
    } else if (one_of(program, {"npm", "pnpm", "yarn", "bun"})) {
      bool install = false, global = false, publish = false, dry = false;
      for (std::size_t k = i + 1; k < words.size() && words[k] != ";" && words[k] != "|" && words[k] != "\n";
           ++k) {
        install |= one_of(words[k], {"install", "i", "add"});
        global |= one_of(words[k], {"-g", "--global", "global", "--location=global"});
        publish |=
            words[k] == "publish" && (k == i + 1 || words[k - 1].starts_with('-') || words[k - 1] == "npm");
        dry |= words[k] == "--dry-run";
      }
      if (publish && !dry) return CommandKind::publish;
      if (install && global) found = CommandKind::install_global;
    }
  }
  return found;
}

}  // namespace sallyport
