#include <doctest/doctest.h>

#include <map>

#include "proxy/upstream/proxy_environment.hpp"
#include "proxy/upstream/url.hpp"

using namespace sallyport;

TEST_CASE("a URL is read as it will be connected to") {
  const auto url = parse_url("HTTPS://Registry.Test/npm/%40a%2fb?x=1#part");
  REQUIRE(url.has_value());
  CHECK(url->scheme == "https");
  CHECK(url->host == "registry.test");
  CHECK(url->port == "443");
  CHECK(url->path == "/npm/%40a%2fb");
  CHECK(url->query == "x=1");
  CHECK(url->origin() == "https://registry.test");
  CHECK(url->text() == "https://registry.test/npm/%40a%2fb?x=1");
  CHECK(parse_url("http://registry.test:8080").value().text() == "http://registry.test:8080/");
  CHECK(parse_url("http://0x7f.1:80/").value().origin() == "http://127.0.0.1");
  for (const char* bad :
       {"", "registry.test", "ftp://registry.test/", "https://", "https://user@registry.test/",
        "https://user:pass@registry.test/", "https://a b/", "https://a\nb/", "javascript:alert(1)"}) {
    CAPTURE(bad);
    REQUIRE(parse_url(bad).has_error());
    CHECK(parse_url(bad).error().kind == ErrorKind::invalid);
  }
  CHECK(parse_url(std::string_view("https://registry.test\0.evil.test/", 33)).has_error());
}

TEST_CASE("a reference is resolved from where it stands") {
  const auto base = parse_url("https://registry.test/npm/@a%2fb").value();
  CHECK(resolve_url(base, "tarballs/b-1.tgz").value().text() == "https://registry.test/npm/tarballs/b-1.tgz");
  CHECK(resolve_url(base, "/b-1.tgz").value().text() == "https://registry.test/b-1.tgz");
  CHECK(resolve_url(base, "//cdn.test/b-1.tgz").value().text() == "https://cdn.test/b-1.tgz");
  CHECK(resolve_url(base, "http://cdn.test:81/b-1.tgz").value().origin() == "http://cdn.test:81");
  CHECK(resolve_url(base, "ftp://cdn.test/b-1.tgz").has_error());
  CHECK(resolve_url(base, "https://token@cdn.test/b-1.tgz").has_error());
}

TEST_CASE("hosts that are this machine or its link") {
  for (const char* host :
       {"localhost", "localhost.", "a.localhost", "127.0.0.1", "127.255.0.9", "0.0.0.0", "0.1.2.3",
        "169.254.169.254", "[::1]", "::1", "[::]", "[fe80::1]", "fe80::1%eth0", "[febf::1]",
        "[::ffff:127.0.0.1]", "[::ffff:169.254.1.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]"}) {
    CAPTURE(host);
    CHECK(is_local_host(host));
  }
  for (const char* host :
       {"registry.test", "localhost.test", "notlocalhost", "128.0.0.1", "10.0.0.1", "169.253.0.1",
        "[2001:db8::1]", "[fec0::1]", "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", ""}) {
    CAPTURE(host);
    CHECK_FALSE(is_local_host(host));
  }
}

TEST_CASE("the proxy that the environment names") {
  std::map<std::string, std::string> environment;
  const auto proxy = [&](const char* url) {
    return proxy_for(parse_url(url).value(), [&](const char* name) -> const char* {
      const auto found = environment.find(name);
      return found == environment.end() ? nullptr : found->second.c_str();
    });
  };
  CHECK(proxy("https://registry.test/").empty());
  environment = {{"ALL_PROXY", "http://all:1"}};
  CHECK(proxy("https://registry.test/") == "http://all:1");
  environment = {{"HTTPS_PROXY", "http://secure:1"}, {"http_proxy", "http://plain:1"}};
  CHECK(proxy("https://registry.test/") == "http://secure:1");
  CHECK(proxy("http://registry.test/") == "http://plain:1");
  environment["https_proxy"] = "http://lower:1";
  CHECK(proxy("https://registry.test/") == "http://lower:1");
  environment["NO_PROXY"] = "other.test, .corp.test,Registry.test:8443 *.star.test [::1] 127.0.0.1";
  for (const char* url :
       {"https://other.test/", "https://a.other.test/", "https://corp.test/", "https://a.corp.test/",
        "https://registry.test:8443/", "https://a.star.test/", "https://[::1]/", "https://127.0.0.1/"}) {
    CAPTURE(url);
    CHECK(proxy(url).empty());
  }
  for (const char* url :
       {"https://another.test/", "https://xcorp.test/", "https://registry.test/", "https://127.0.0.2/"}) {
    CAPTURE(url);
    CHECK(proxy(url) == "http://lower:1");
  }
  environment["NO_PROXY"] = "*";
  CHECK(proxy("https://registry.test/").empty());
}
