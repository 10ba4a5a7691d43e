#include "policies/content/regex.hpp"

#include <re2/re2.h>

#include <stdexcept>
#include <utility>

namespace sallyport {

Regex::Regex(std::string pattern) : pattern_(std::move(pattern)) {}
Regex::~Regex() = default;

const re2::RE2& Regex::once() const {
  std::call_once(flag_, [this] {
    re2::RE2::Options options;
    options.set_encoding(re2::RE2::Options::EncodingLatin1);  // bytes: files need not be UTF-8
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    compiled_ = std::make_unique<const re2::RE2>(pattern_, options);
  });
  return *compiled_;
}

const re2::RE2& Regex::compiled() const {
  const re2::RE2& regex = once();
  if (!regex.ok()) throw std::runtime_error("the regex " + pattern_ + " cannot be used: " + regex.error());
  return regex;
}

std::string Regex::fault() const {
  return once().ok() ? std::string() : once().error();
}

}  // namespace sallyport
