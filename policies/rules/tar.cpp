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
Rule rule(std::string_view title, std::string_view fix,
          std::vector<Defaults> tiers = {everywhere(Action::block)}) {
  return {{ids[I], title, fix, std::move(tiers)}, &report_faults<I>};
}

}  // namespace

std::span<const Rule> tar_rules() {
  static const std::array rules = {
      rule<0>("a tarball that is not exactly one gzip member, whole and undamaged",
              "pack it again with npm pack, and publish that file as it is"),
      rule<1>("a tarball that unpacks to far more than it is, or has too many, too deep or too long entries",
              "leave generated data and deep trees out of \"files\""),
      rule<2>("links, devices, sparse files and unknown kinds of entry",
              "replace the link by the file it points to; npm pack never packs links"),
      rule<3>("two entries for one path, on any file system or client",
              "keep one of the two, or give them names that differ in more than case and trailing dots",
              {everywhere(Action::block), everywhere(Action::note)}),
      rule<4>("paths that leave the package, or that systems take differently",
              "rename the file: plain letters, digits, '-', '_', '.' and '/' are safe everywhere",
              {everywhere(Action::block), everywhere(Action::warn), everywhere(Action::note),
               everywhere(Action::note)}),
      rule<5>("more than one top directory, or one that is not \"package\"", "pack it with npm pack",
              {everywhere(Action::block), everywhere(Action::note)}),
      rule<6>(
          "extension headers that say anything beyond a path, time or size that the plain header bears out",
          "pack it with npm pack; where a path is over 100 bytes, shorten it"),
      rule<7>("numbers, checksums, ends and padding that readers take differently",
              "pack it again with npm pack"),
      rule<8>("setuid and setgid files, directory entries and unusual modes",
              "chmod 0644 for files and 0755 for programs, then pack again",
              {everywhere(Action::block), everywhere(Action::note)}),
      rule<9>("a tarball without a readable package.json at its root",
              "pack the folder that holds package.json; it must be UTF-8 and strict JSON"),
  };
  return rules;
}

}  // namespace sallyport
