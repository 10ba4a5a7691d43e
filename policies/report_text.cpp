// Reports for people.

#include <algorithm>
#include <optional>
#include <span>
#include <tuple>

#include "policies/report.hpp"
#include "storage/base/text.hpp"

namespace sallyport {

namespace {

constexpr std::size_t columns_min = 40, columns_max = 120;
constexpr std::size_t shown_in_report = 5, shown_in_refusal = 3;  // of the findings of one rule
constexpr std::size_t said_max = 600;

// Characters, which is columns for nearly everything that is written here.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

std::string wrapped(std::string_view text, std::string_view indent, std::size_t columns) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (used > 0 && used + 1 + width(word) > columns) {
      out += '\n';
      used = 0;
    }
    out += used == 0 ? indent : " ";
    used += (used == 0 ? indent.size() : 1) + width(word);
    out += word;
  }
  return out + '\n';
}

namespace {

std::string place(const Finding& finding) {
  std::string out = printable(finding.file);
  if (finding.line) out += ":" + std::to_string(*finding.line);
  return out;
}

using Group = std::span<const Finding* const>;

// Findings of one rule that are judged alike and mended alike, in the report's order.
bool alike(const Finding& a, const Finding& b) {
  return std::tie(a.action, a.known, a.rule, a.fix) == std::tie(b.action, b.known, b.rule, b.fix);
}

std::vector<const Finding*> worst_first(const std::vector<Finding>& findings) {
  std::vector<const Finding*> out;
  for (const Finding& finding : findings) out.push_back(&finding);
  std::sort(out.begin(), out.end(), [](const Finding* a, const Finding* b) {
    return std::tie(b->action, a->known, a->rule, a->fix, a->file, a->line, a->offset, a->message) <
           std::tie(a->action, b->known, b->rule, b->fix, b->file, b->line, b->offset, b->message);
  });
  return out;
}

template <class Visit>
void each_group(std::span<const Finding* const> sorted, Visit visit) {
  while (!sorted.empty()) {
    const auto end = std::find_if(sorted.begin(), sorted.end(),
                                  [&](const Finding* f) { return !alike(*f, *sorted.front()); });
    const auto size = static_cast<std::size_t>(end - sorted.begin());
    visit(sorted.first(size));
    sorted = sorted.subspan(size);
  }
}

// Where and why, of the first few of a group; what all of them say is said once.
std::string listed(Group group, std::size_t most, std::string_view indent, std::size_t columns) {
  const bool one_reason = std::all_of(group.begin(), group.end(),
                                      [&](const Finding* f) { return f->message == group.front()->message; });
  std::string out;
  const std::string deeper = std::string(indent) + "  ";
  for (const Finding* finding : group.first(std::min(most, group.size()))) {
    const std::string where = place(*finding);
    if (!where.empty()) out += wrapped(where, indent, columns);
    if (one_reason) continue;
    out += wrapped(printable(finding->message, said_max), where.empty() ? indent : deeper, columns);
  }
  if (group.size() > most) out += std::string(indent) + "and " + thousands(group.size() - most) + " more\n";
  if (one_reason) out += wrapped(printable(group.front()->message, said_max), indent, columns);
  return out;
}

std::string_view colour_of(Action action) {
  switch (action) {
    case Action::block:
      return "\x1b[31m";
    case Action::escalate:
      return "\x1b[35m";
    case Action::warn:
      return "\x1b[33m";
    default:
      return "\x1b[36m";
  }
}

class TextReport {
 public:
  TextReport(const Report& report, bool colour, std::size_t columns)
      : report_(report),
        colour_(colour),
        columns_(std::clamp(columns, columns_min, columns_max)),
        sorted_(worst_first(report.findings)) {}

  std::string write() {
    heading();
    each_group(sorted_, [this](Group group) { write(group); });
    sum();
    return std::move(out_);
  }

 private:
  std::string styled(std::string_view style, std::string_view text) const {
    return colour_ ? std::string(style) + std::string(text) + "\x1b[0m" : std::string(text);
  }
  std::string bold(std::string_view text) const { return styled("\x1b[1m", text); }

  void heading() {
    out_ = bold(printable(report_.name) + "@" + printable(report_.version)) + "\n";
    std::string about = human_bytes(report_.packed_bytes) + " packed, " +
                        human_bytes(report_.unpacked_bytes) + " unpacked, " + thousands(report_.file_count) +
                        (report_.file_count == 1 ? " file, " : " files, ");
    about += report_.baseline.empty() ? "no earlier release to compare with"
                                      : "compared with " + printable(report_.baseline);
    out_ += wrapped(about, "", columns_);
  }

  void write(Group group) {
    const Finding& first = *group.front();
    std::string action(to_text(first.action));
    action.resize(indent.size(), ' ');
    std::string aside = group.size() == 1 ? place(first) : thousands(group.size()) + " findings";
    if (first.known) aside += (aside.empty() ? "" : ", ") + std::string("as in the last approved release");
    out_ += "\n" + styled(colour_of(first.action), action) + bold(first.rule);
    out_ += (aside.empty() ? "" : "  " + aside) + "\n";
    if (group.size() == 1) {
      out_ += wrapped(printable(first.message, said_max), indent, columns_);
    } else {
      out_ += listed(group, shown_in_report, indent, columns_);
    }
    if (!first.evidence.empty()) out_ += wrapped("found: " + printable(first.evidence), indent, columns_);
    for (const Finding* finding : group.first(std::min(shown_in_report, group.size())))
      if (finding->waiver) out_ += wrapped(printable(to_text(*finding->waiver), said_max), indent, columns_);
    out_ += wrapped("fix: " + printable(first.fix, said_max), indent, columns_);
  }

  void sum() {
    const auto count = [&](auto counts, std::string_view text) {
      const auto n = std::count_if(sorted_.begin(), sorted_.end(), counts);
      return n == 0 ? std::string()
                    : ", " + thousands(static_cast<unsigned long long>(n)) + " " + std::string(text);
    };
    const auto fresh = [](Action action) {
      return [action](const Finding* f) { return f->action == action && !f->known && !f->waiver; };
    };
    std::string_view verdict;
    switch (report_.verdict) {
      case Verdict::clean:
        verdict = "clean";
        break;
      case Verdict::hold:
        verdict = "hold: a publish would wait for a reviewer to look at these findings";
        break;
      case Verdict::block:
        verdict = "block: a publish would be refused";
        break;
    }
    out_ += "\n" +
            wrapped(std::string(verdict) + count(fresh(Action::block), "refused") +
                        count(fresh(Action::escalate), "escalated") +
                        count(fresh(Action::warn), "to acknowledge") + count(fresh(Action::note), "noted") +
                        count([](const Finding* f) { return f->waiver.has_value(); }, "waived") +
                        count([](const Finding* f) { return f->known && !f->waiver; },
                              "as in the last approved release"),
                    "", columns_);
  }

  static constexpr std::string_view indent = "         ";
  const Report& report_;
  const bool colour_;
  const std::size_t columns_;
  const std::vector<const Finding*> sorted_;
  std::string out_;
};

}  // namespace

std::string to_text(const Report& report, bool colour, std::size_t columns) {
  return TextReport(report, colour, columns).write();
}

std::string refusal_text(const Report& report, std::size_t rules_max) {
  std::vector<const Finding*> blocking = worst_first(report.findings);
  std::erase_if(blocking, [](const Finding* f) { return f->action != Action::block; });
  std::string out =
      wrapped(printable(report.name) + "@" + printable(report.version) + " is refused: " +
                  (blocking.size() == 1 ? "one finding" : thousands(blocking.size()) + " findings") + ".",
              "", npm_columns);
  std::size_t rules = 0, left_out = 0;
  each_group(blocking, [&](Group group) {
    const Finding& first = *group.front();
    if (++rules > rules_max) {
      left_out += group.size();
      return;
    }
    if (group.size() == 1) {
      out += wrapped(first.rule + (first.file.empty() ? "" : ": " + place(first)), "", npm_columns);
      out += wrapped(printable(first.message, said_max), "  ", npm_columns);
    } else {
      out += first.rule + ", " + thousands(group.size()) + " findings:\n";
      out += listed(group, shown_in_refusal, "  ", npm_columns);
    }
    out += wrapped("Fix: " + printable(first.fix, 400), "  ", npm_columns);
  });
  if (left_out > 0)
    out += "And " + thousands(left_out) + " more; \"sallyport scan\" on the package lists them all.\n";
  out.pop_back();
  return out;
}

}  // namespace sallyport
