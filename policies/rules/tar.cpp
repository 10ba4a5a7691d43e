// The archive itself: what the two readers found while they read it (policies/tarball/), as findings.

#include <array>

#include "policies/rule.hpp"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 10> ids = {"tar/gzip", "tar/bomb",    "tar/link", "tar/duplicate",
                                                  "tar/path", "tar/prefix",  "tar/pax",  "tar/number",
                                                  "tar/mode", "tar/manifest"};

template <std::size_t I>
void report_faults(const Release& release, FindingSink& sink) {
  for (const TarFault& fault : *release.faults) {
    if (fault.rule != ids[I]) continue;
    sink.add({.message = fault.message, .offset = fault.offset, .archive_path = fault.path}, fault.tier);
  }
}

template <std::size_t I>
Rule rule(std::string_view title, std::string_view why, std::string_view fix,
          std::vector<Defaults> tiers = {everywhere(Action::block)}) {
  return {{ids[I], title, why, fix, std::move(tiers)}, &report_faults<I>};
}

}  // namespace

std::span<const Rule> tar_rules() {
  static const std::array rules = {
      rule<0>("a tarball that is not exactly one gzip member, whole and undamaged",
              "Clients unpack more than gzip, and go on or stop at damage: what is not exactly one member is "
              "installed by some in a form that was not inspected.",
              "pack it again with npm pack, and publish that file as it is"),
      rule<1>("a tarball that unpacks to far more than it is, or has too many, too deep or too long entries",
              "Such an archive fills the disk or memory of those who unpack it, and of those who inspect it.",
              "leave generated data and deep trees out of \"files\""),
      rule<2>("links, devices, sparse files and unknown kinds of entry",
              "A link or device lets a later entry write outside the package, or one file be another; "
              "clients differ in whether they follow it.",
              "replace the link by the file it points to; npm pack never packs links"),
      rule<3>("two entries for one path, on any file system or client",
              "The last of two entries wins with some clients and the first with others, on case-insensitive "
              "disks two names are one: one of the two was reviewed, the other is installed.",
              "keep one of the two, or give them names that differ in more than case and trailing dots",
              {everywhere(Action::block), everywhere(Action::note)}),
      rule<4>("paths that leave the package, or that systems take differently",
              "A path with .., a drive or a control character is written somewhere else than it says on some "
              "system.",
              "rename the file: plain letters, digits, '-', '_', '.' and '/' are safe everywhere",
              {everywhere(Action::block), everywhere(Action::warn), everywhere(Action::note),
               everywhere(Action::note)}),
      rule<5>("more than one top directory, or one that is not \"package\"",
              "Clients take away the first folder whatever its name: of a/package.json and b/package.json "
              "one wins.",
              "pack it with npm pack", {everywhere(Action::block), everywhere(Action::note)}),
      rule<6>(
          "extension headers that say anything beyond a path, time or size that the plain header bears out",
          "Extension headers change names and sizes for those readers that know them and not for others, so "
          "that two readers see two archives.",
          "pack it with npm pack; where a path is over 100 bytes, shorten it"),
      rule<7>("numbers, checksums, ends and padding that readers take differently",
              "Where readers disagree on one number or on where the archive ends, they disagree on all that "
              "follows.",
              "pack it again with npm pack"),
      rule<8>("setuid and setgid files, directory entries and unusual modes",
              "A setuid file gives its rights to whoever runs it; other unusual modes show that it was not "
              "npm which packed.",
              "chmod 0644 for files and 0755 for programs, then pack again",
              {everywhere(Action::block), everywhere(Action::note)}),
      rule<9>("a tarball without a readable package.json at its root",
              "Without it nobody can say what is installed; keys that stand twice mean one thing to npm and "
              "another to a scanner.",
              "pack the folder that holds package.json; it must be UTF-8 and strict JSON"),
  };
  return rules;
}

}  // namespace sallyport
