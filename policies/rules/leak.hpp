#pragma once
// The checks of the leak family, for its catalogue in leak.cpp.

#include "policies/rule.hpp"

namespace sallyport {

void check_source_map(const Release& release, FindingSink& sink);
void check_source_map_sources(const Release& release, FindingSink& sink);
void check_inline_source_map(const Release& release, FindingSink& sink);
void check_source_map_reference(const Release& release, FindingSink& sink);
void check_source_map_url(const Release& release, FindingSink& sink);
void check_source_map_ratio(const Release& release, FindingSink& sink);
void check_original_source(const Release& release, FindingSink& sink);
void check_secret_file(const Release& release, FindingSink& sink);
void check_secret(const Release& release, FindingSink& sink);
void check_secret_nested(const Release& release, FindingSink& sink);
void check_vcs(const Release& release, FindingSink& sink);
void check_ai_state(const Release& release, FindingSink& sink);
void check_tests(const Release& release, FindingSink& sink);
void check_internal_doc(const Release& release, FindingSink& sink);
void check_junk(const Release& release, FindingSink& sink);
void check_build_config(const Release& release, FindingSink& sink);
void check_debug_build(const Release& release, FindingSink& sink);
void check_build_path(const Release& release, FindingSink& sink);
void check_secret_generic(const Release& release, FindingSink& sink);
void check_words(const Release& release, FindingSink& sink);
void check_personal_data(const Release& release, FindingSink& sink);

// What is kept of source maps for the next release.
void add_map_facts(const Release& release, Facts& facts);

// Everything found packed in a file of the release, with its inner path ("x.gz!x").
template <class Visit>  // void(std::string_view path, std::uint64_t size, const FileContent&)
void for_each_nested(const FileContent& content, const Visit& visit) {
  for (const auto& nested : content.nested) {
    visit(std::string_view(nested.path), nested.size, nested.content);
    for_each_nested(nested.content, visit);
  }
}

// Every file of the release, each followed by what is packed in it.
template <class Visit>
void for_each_content(const Release& release, const Visit& visit) {
  for (const ReleaseFile& file : release.files) {
    visit(std::string_view(file.entry.inner), file.entry.size, file.content);
    for_each_nested(file.content, visit);
  }
}

// What makes a packed file one of secrets, by its name and what was found in it; empty: nothing does.
std::string_view nested_secret_file(std::string_view path, const FileContent& content);

// Paths are compared without case: a file system that folds it would make the same file of both.
std::string folded(std::string_view path);
// As much of it as there is; throws BadResult.
std::string piece_of(const Release& release, const TarEntry& entry, std::uint64_t from, std::size_t bytes);
std::string_view base_name(std::string_view path);

}  // namespace sallyport
