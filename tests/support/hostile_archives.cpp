#include "tests/support/hostile_archives.hpp"

#include <functional>

#include "tests/support/tar_builder.hpp"

namespace sallyport {
namespace {

using namespace std::string_literals;

constexpr std::string_view evil = "module.exports = 'not what was inspected'\n";

TarHeader header_of(std::string name, char type = '0') {
  TarHeader h;
  h.name = std::move(name);
  h.type = type;
  return h;
}

std::string hex2(unsigned char c) {
  constexpr char digits[] = "0123456789abcdef";
  return {digits[c >> 4], digits[c & 15]};
}

class Collection {
 public:
  void add(std::string name, std::string_view rule, std::string tgz) {
    archives.push_back({std::string(rule.substr(rule.find('/') + 1)) + "-" + std::move(name),
                        std::string(rule), std::move(tgz)});
  }
  // A clean package and then this.
  void tar(std::string name, std::string_view rule, const std::function<void(TarBuilder&)>& build) {
    TarBuilder builder = clean_package();
    build(builder);
    add(std::move(name), rule, gzip(builder.tar()));
  }
  std::vector<HostileArchive> archives;
};

void add_gzip(Collection& c) {
  const std::string tar = clean_package().file("package/a.js", evil).tar();
  const std::string good = gzip(tar);
  c.add("empty", "tar/gzip", "");
  c.add("plain-tar", "tar/gzip", tar);
  c.add("zstd", "tar/gzip", "\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00hello"s);
  c.add("zip", "tar/gzip", "PK\x03\x04"s + std::string(60, '\0'));
  c.add("bzip2", "tar/gzip", "BZh91AY&SY"s + std::string(60, 'x'));
  c.add("zlib", "tar/gzip", "\x78\x9c"s + good.substr(10));
  c.add("two-members", "tar/gzip", good + gzip(TarBuilder().file("package/evil.js", evil).tar()));
  c.add("split-members", "tar/gzip", gzip(tar.substr(0, 1024)) + gzip(tar.substr(1024)));
  c.add("empty-first-member", "tar/gzip", gzip("") + good);
  c.add("trailing-zero", "tar/gzip", good + "\0"s);
  c.add("trailing-junk", "tar/gzip", good + "junk");
  c.add("trailing-magic", "tar/gzip", good + "\x1f\x8b");
  for (int back = 1; back <= 8; ++back) {
    std::string bytes = good;
    const auto at = bytes.size() - static_cast<std::size_t>(back);
    bytes[at] = static_cast<char>(bytes[at] ^ 0x40);
    c.add("trailer-altered-" + std::to_string(back), "tar/gzip", bytes);
  }
  for (const std::size_t cut : {1u, 4u, 8u, 9u, 20u, 60u}) {
    c.add("truncated-by-" + std::to_string(cut), "tar/gzip", good.substr(0, good.size() - cut));
  }
  for (const std::size_t kept : {1u, 5u, 10u, 18u}) {
    c.add("truncated-to-" + std::to_string(kept), "tar/gzip", good.substr(0, kept));
  }
  for (const int flag : {0x20, 0x40, 0x80}) {
    std::string bytes = good;
    bytes[3] = static_cast<char>(flag);
    c.add("reserved-flag-" + std::to_string(flag), "tar/gzip", bytes);
  }
  std::string method = good;
  method[2] = 7;
  c.add("another-method", "tar/gzip", method);
  std::string header_crc = good;
  header_crc[3] = 2;
  header_crc.insert(10, "\x01\x02");
  c.add("wrong-header-checksum", "tar/gzip", header_crc);
}

void add_bomb(Collection& c) {
  c.tar("ratio", "tar/bomb", [](auto& t) { t.file("package/zeros.bin", std::string(8u << 20, '\0')); });
  c.add("ratio-after-end", "tar/bomb", gzip(clean_package().tar() + std::string(8u << 20, '\0')));
  c.tar("entries", "tar/bomb", [](auto& t) {
    for (int i = 0; i < 20'001; ++i)
      t.file("package/f" + std::to_string(i * 7919 % 104729) + "-" + std::to_string(i), "");
  });
  c.tar("depth", "tar/bomb", [](auto& t) {
    std::string path = "package/";
    for (int i = 0; i < 64; ++i) path += "d/";
    t.pax({{"path", path + "f.js"}}).file(path + "f.js", evil);
  });
  c.tar("depth-plain", "tar/bomb", [](auto& t) {
    std::string path = "package/";
    for (int i = 0; i < 64; ++i) path += "d/";
    t.file(path + "f.js", evil);
  });
  for (const std::size_t length : {256u, 300u, 1000u, 3000u}) {
    c.tar("path-" + std::to_string(length), "tar/bomb", [&](auto& t) {
      const std::string path = "package/" + std::string(length - 8, 'p');
      t.pax({{"path", path}}).entry(header_of(path.substr(0, 99)), evil);
    });
  }
  c.tar("declared-2-gib", "tar/bomb", [](auto& t) {
    TarHeader h = header_of("package/big.js");
    h.size = octal(2ull << 30, 11);
    t.raw(h.block());
  });
  c.tar("declared-8-gib", "tar/bomb", [](auto& t) {
    TarHeader h = header_of("package/big.js");
    h.size = "77777777777";
    t.raw(h.block());
  });
}

void add_link(Collection& c) {
  for (const char type : {'1', '2'}) {
    for (const std::string target : {"../../etc/passwd", "/etc/passwd", "package.json", "", "C:\\x"}) {
      c.tar((type == '1' ? "hard-" : "symbolic-") + std::to_string(target.size()), "tar/link", [&](auto& t) {
        TarHeader h = header_of("package/link", type);
        h.linkname = target;
        t.entry(h);
      });
    }
    c.tar(std::string("with-body-") + type, "tar/link", [&](auto& t) {
      TarHeader h = header_of("package/link", type);
      h.linkname = "package.json";
      TarHeader inside = header_of("package/evil.js");
      inside.size = octal(0, 11);
      t.entry(h, inside.block());
    });
  }
  // Every other type flag: devices, pipes, contiguous, sparse, old regular, vendors' own and unheard of.
  for (const std::string types =
           "3467SADIMVBCEFGHJOPQRTUWYZabcdehijklmnopqrstuvwyz89 !"s + "\0\x01\x7f\x80\xff"s;
       const char type : types) {
    c.tar("type-" + hex2(static_cast<unsigned char>(type)), "tar/link", [&](auto& t) {
      t.entry(header_of("package/odd", type), type == '\0' ? evil : std::string_view());
    });
  }
  c.tar("device-with-body", "tar/link",
        [](auto& t) { t.entry(header_of("package/dev", '3'), clean_package().unfinished()); });
  c.tar("unknown-with-body", "tar/link", [](auto& t) { t.entry(header_of("package/z.js", 'Z'), evil); });
  c.tar("file-with-target", "tar/link", [](auto& t) {
    TarHeader h = header_of("package/a.js");
    h.linkname = "package.json";
    t.entry(h, evil);
  });
}

void add_duplicate(Collection& c) {
  const std::pair<std::string, std::string> pairs[] = {
      {"a.js", "a.js"},
      {"a.js", "A.js"},
      {"lib/a.js", "LIB/a.js"},
      {"lib/a.js", "lib/a.JS"},
      {"caf\xc3\xa9.js", "cafe\xcc\x81.js"},  // NFC and NFD
      {"\xc3\x84.js", "\xc3\xa4.js"},         // capital and small umlaut
      {"\xe1\xba\x9e.js", "ss.js"},           // capital sharp s folds to two letters
      {"\xe2\x84\xaa.js", "k.js"},            // the Kelvin sign
      {"\xef\xac\x81.js", "fi.js"},           // a ligature folds to its letters
      {"a\xc2\xad.js", "a.js"},               // soft hyphen, ignored by some
      {"a\xe2\x80\x8d.js", "a.js"},           // zero width joiner
      {"a.js.", "a.js"},
      {"a.js ", "a.js"},
      {"a.js. .", "a.js"},
      {"lib./a.js", "lib/a.js"},
      {"./a.js", "a.js"},
      {"lib//a.js", "lib/a.js"},
      {"lib/./a.js", "lib/a.js"},
      {".gitignore", ".npmignore"},
      {".npmignore", ".gitignore"},
      {"lib/.gitignore", "lib/.NPMIGNORE"},
      {"a", "a/b.js"},
      {"a/b.js", "a"},
      {"A", "a/b.js"},
      {"a/b/c/d.js", "a/B"},
      {"package.json/x", "y"},
  };
  int n = 0;
  for (const auto& [one, other] : pairs) {
    c.tar("pair-" + std::to_string(++n), "tar/duplicate",
          [&](auto& t) { t.file("package/" + one, "1").file("package/" + other, "2"); });
  }
  // The same file, but for what comes with it; or twice by one name, where nobody need have written "./".
  c.tar("twin-mode", "tar/duplicate", [](auto& t) {
    TarHeader h = header_of("package/./a.js");
    h.mode = "000755 ";
    t.file("package/a.js", evil).entry(h, evil);
  });
  c.tar("twin-twice", "tar/duplicate",
        [](auto& t) { t.file("package/a.js", evil).file("package/a.js", evil); });
  c.tar("twin-case", "tar/duplicate",
        [](auto& t) { t.file("package/a.js", evil).file("package/./A.js", evil); });
  c.tar("twin-manifest", "tar/duplicate",
        [](auto& t) { t.file("package/./package.json", R"({"name":"evil","version":"1.0.0"})"); });
  c.tar("manifest", "tar/duplicate",
        [](auto& t) { t.file("package/package.json", R"({"name":"evil","version":"1.0.0"})"); });
  c.tar("manifest-case", "tar/duplicate", [](auto& t) { t.file("package/Package.json", "{}"); });
  c.tar("directory-twice", "tar/duplicate",
        [](auto& t) { t.directory("package/lib/").directory("package/LIB/"); });
  c.tar("directory-and-file", "tar/duplicate",
        [](auto& t) { t.directory("package/lib/").file("package/lib", "1"); });
  c.tar("file-and-directory", "tar/duplicate",
        [](auto& t) { t.file("package/lib", "1").directory("package/lib/"); });
  c.tar("by-pax", "tar/duplicate", [](auto& t) {
    const std::string path = "package/" + std::string(120, 'p');
    for (int i = 0; i < 2; ++i) t.pax({{"path", path}}).entry(header_of(path.substr(0, 99)), evil);
  });
  // What a reader without pax sees is a file that is there already.
  c.tar("shadow-after", "tar/duplicate", [](auto& t) {
    const std::string path = "package/" + std::string(120, 'p');
    t.file(path.substr(0, 99), "1").pax({{"path", path}}).entry(header_of(path.substr(0, 99)), evil);
  });
  c.tar("shadow-before", "tar/duplicate", [](auto& t) {
    const std::string path = "package/" + std::string(120, 'p');
    t.pax({{"path", path}}).entry(header_of(path.substr(0, 99)), evil).file(path.substr(0, 99), "1");
  });
}

void add_path(Collection& c) {
  const std::string paths[] = {"/etc/passwd",
                               "//etc/passwd",
                               "/package/a.js",
                               "../a.js",
                               "package/../a.js",
                               "package/../../a.js",
                               "package/..",
                               "package/lib/../../../a.js",
                               "..",
                               ".",
                               "./package/a.js",
                               "././package/a.js",
                               "package/./../a.js",
                               "package/.//a.js",
                               "package/.",
                               "package//a.js",
                               "package/lib/.",
                               "package\\a.js",
                               "package/..\\..\\a.js",
                               "package/lib\\a.js",
                               "\\\\host\\share\\a.js",
                               "C:/a.js",
                               "C:a.js",
                               "package/C:/a.js",
                               "package/z:a.js",
                               "c:\\a.js",
                               "package/a\x01.js",
                               "package/a\n.js",
                               "package/a\r.js",
                               "package/a\t.js",
                               "package/a\x1b[31m.js",
                               "package/a\x7f.js",
                               "package/a\xc2\x85.js",
                               "package/a\xe2\x80\xae.js",
                               "package/a\xe2\x81\xa6.js",
                               "package/a\xe2\x80\xa8.js",
                               "package/a\xef\xbb\xbf.js",
                               "package/a\xff.js",
                               "package/a\xc3.js",
                               "package/\xc0\xae\xc0\xae/a.js",
                               "package/\xed\xa0\x80.js",
                               "package/\xf4\x90\x80\x80.js",
                               "package/a.js/"};
  int n = 0;
  for (const std::string& path : paths) {
    c.tar(std::to_string(++n), "tar/path", [&](auto& t) { t.entry(header_of(path), evil); });
  }
  c.tar("nul-in-name", "tar/path", [](auto& t) { t.entry(header_of("package/a.js\0.txt"s), evil); });
  c.tar("nul-in-prefix", "tar/path", [](auto& t) {
    TarHeader h = header_of("a.js");
    h.prefix = "package\0/lib"s;
    t.entry(h, evil);
  });
  c.tar("empty-name", "tar/path", [](auto& t) { t.entry(header_of(""), evil); });
  c.tar("prefix-alone", "tar/path", [](auto& t) {
    TarHeader h = header_of("");
    h.prefix = "package";
    t.entry(h, evil);
  });
  c.tar("prefix-parent", "tar/path", [](auto& t) {
    TarHeader h = header_of("a.js");
    h.prefix = "package/..";
    t.entry(h, evil);
  });
  c.tar("prefix-absolute", "tar/path", [](auto& t) {
    TarHeader h = header_of("a.js");
    h.prefix = "/package";
    t.entry(h, evil);
  });
  c.tar("directory-parent", "tar/path", [](auto& t) { t.directory("package/../../x/"); });
}

void add_prefix(Collection& c) {
  c.tar("second-top", "tar/prefix",
        [](auto& t) { t.file("other/package.json", R"({"name":"evil","version":"1.0.0"})"); });
  c.tar("second-top-file", "tar/prefix", [](auto& t) { t.file("other/a.js", evil); });
  c.tar("case", "tar/prefix", [](auto& t) { t.file("Package/a.js", evil); });
  c.tar("beside", "tar/prefix",
        [](auto& t) { t.file("package.json", R"({"name":"evil","version":"1.0.0"})"); });
  c.tar("beside-top-name", "tar/prefix",
        [](auto& t) { t.file("package", "a file in place of the directory"); });
  c.tar("directory-beside", "tar/prefix", [](auto& t) { t.directory("node_modules/"); });
  c.add("only-beside", "tar/prefix",
        gzip(TarBuilder().file("package.json", R"({"name":"a","version":"1.0.0"})").tar()));
}

void add_pax(Collection& c) {
  const std::string fits = "package/a.js", other = "package/b.js";
  const auto record = [&](std::string name, std::string key, std::string value) {
    c.tar("key-" + name, "tar/pax", [&](auto& t) { t.pax({{key, value}}).file(fits, evil); });
  };
  record("path-other", "path", other);
  record("path-empty", "path", "");
  record("path-nul", "path", "package/a.js\0x"s);
  record("path-latin1", "path", "package/\xe9.js");
  record("path-long-other", "path", "package/" + std::string(120, 'q'));
  record("size-more", "size", "100000");
  record("size-less", "size", "1");
  record("size-negative", "size", "-1");
  record("size-zero-led", "size", "0" + std::to_string(evil.size()));
  record("size-huge", "size", "99999999999999999999999");
  record("mtime-other", "mtime", "1700000000");
  record("mtime-negative", "mtime", "-1");
  record("mtime-exponent", "mtime", "4e8");
  record("mtime-no-fraction", "mtime", "499162500.");
  for (const char* key : {"linkpath",
                          "uid ",
                          "mode",
                          "uname",
                          "gname",
                          "atime",
                          "ctime",
                          "comment",
                          "charset",
                          "hdrcharset",
                          "GNU.sparse.major",
                          "GNU.sparse.name",
                          "GNU.sparse.size",
                          "GNU.sparse.map",
                          "GNU.sparse.realsize",
                          "SCHILY.xattr.user.x",
                          "SCHILY.realsize",
                          "LIBARCHIVE.xattr.x",
                          "RHT.security.selinux",
                          "NODETAR.ignore",
                          "NODETAR.path",
                          "NODETAR.size",
                          "NODETAR.type",
                          "PATH",
                          "path ",
                          "Path",
                          ""}) {
    record("other-" + std::to_string(c.archives.size()), key, "1");
  }
  record("uid-text", "uid", "root");
  record("uid-huge", "uid", "9999999999999999");
  record("uid-negative", "uid", "-1");
  record("device-path", "SCHILY.dev", "path=package/b.js");
  record("type-link", "NODETAR.type", "SymbolicLink");
  record("packed-newline", "NODETAR.package.name", "a\n19 path=package/b.js");
  const auto raw = [&](std::string name, std::string body) {
    c.tar("record-" + name, "tar/pax",
          [&](auto& t) { t.entry(header_of("PaxHeader/x", 'x'), body).file(fits, evil); });
  };
  raw("empty", "");
  raw("no-length", "path=package/a.js\n");
  raw("too-long", "99 path=package/a.js\n");
  raw("too-short", "10 path=package/a.js\n");
  raw("no-newline", "21 path=package/a.js ");
  raw("zero-led", "022 path=package/a.js\n");
  raw("negative", "-1 path=package/a.js\n");
  raw("huge-length", "99999999999999999999 path=package/a.js\n");
  raw("no-equals", "8 path \n");
  raw("trailing-bytes", pax_record("path", fits) + "\0\0"s);
  raw("trailing-line", pax_record("path", fits) + "\n");
  raw("twice", pax_record("path", fits) + pax_record("path", fits));
  raw("comment-1-mib", pax_record("comment", std::string(1u << 20, 'c')));
  raw("path-5000", pax_record("path", "package/" + std::string(5000, 'p')));
  c.tar("two-headers", "tar/pax",
        [&](auto& t) { t.pax({{"path", fits}}).pax({{"path", fits}}).file(fits, evil); });
  c.tar("forty-headers", "tar/pax", [&](auto& t) {
    for (int i = 0; i < 40; ++i) t.pax({{"path", fits}});
    t.file(fits, evil);
  });
  c.tar("at-end", "tar/pax", [&](auto& t) { t.pax({{"path", fits}}); });
  c.tar("global", "tar/pax", [&](auto& t) {
    t.entry(header_of("pax_global_header", 'g'), pax_record("path", other)).file(fits, evil);
  });
  c.tar("global-comment", "tar/pax", [&](auto& t) {
    t.entry(header_of("pax_global_header", 'g'), pax_record("comment", "abc")).file(fits, evil);
  });
  c.tar("solaris", "tar/pax",
        [&](auto& t) { t.entry(header_of("x", 'X'), pax_record("path", other)).file(fits, evil); });
  c.tar("gnu-long-name", "tar/pax",
        [&](auto& t) { t.entry(header_of("././@LongLink", 'L'), other + "\0"s).file(fits, evil); });
  c.tar("gnu-long-link", "tar/pax",
        [&](auto& t) { t.entry(header_of("././@LongLink", 'K'), other + "\0"s).file(fits, evil); });
  c.tar("gnu-old-name", "tar/pax", [&](auto& t) { t.entry(header_of("x", 'N'), other).file(fits, evil); });
  // A pax size that belongs to the long-name header in between (GHSA-vmf3-w455-68vh).
  c.tar("size-before-long-name", "tar/pax", [&](auto& t) {
    t.pax({{"size", "1024"}}).entry(header_of("././@LongLink", 'L'), other + "\0"s).file(fits, evil);
  });
  c.tar("gnu-magic", "tar/pax", [&](auto& t) {
    TarHeader h = header_of(fits);
    h.magic = "ustar ";
    h.version = " \0"s;
    t.entry(h, evil);
  });
}

void add_number(Collection& c) {
  const auto field = [&](std::string name, const std::function<void(TarHeader&)>& set) {
    c.tar(std::move(name), "tar/number", [&](auto& t) {
      TarHeader h = header_of("package/a.js");
      h.size = octal(evil.size(), 11);
      set(h);
      t.raw(h.block()).raw(evil).raw(tar_padding(evil.size()));
    });
  };
  const std::string base256 = "\x80\0\0\0\0\0\0\0\0\0\0\x2a"s, negative256 = std::string(12, '\xff');
  int n = 0;
  for (const std::string& size :
       {base256, negative256, "-0000000001"s, "+0000000052"s, "0x0000000052"s, "00000000o52"s,
        "0000000005 2"s, "00000000058"s, "            "s, std::string(12, '\0'), "000000000052"s,
        " 0000000052"s, "0000000052,"s, "5.2"s, "52\0garbage"s, "0b101010"s, "\t0000000052"s}) {
    field("size-" + std::to_string(++n), [&](TarHeader& h) { h.size = size; });
  }
  n = 0;
  for (const std::string& mode :
       {"\x80\0\0\0\0\0\1\xa4"s, "-000644"s, "000888 "s, "rw-r--r"s, ""s, "00000644"s, "1000000"s}) {
    field("mode-" + std::to_string(++n), [&](TarHeader& h) { h.mode = mode; });
  }
  n = 0;
  for (const std::string& mtime : {base256, negative256, "-3560116604"s, "yesterday"s, "03560116604x"s}) {
    field("mtime-" + std::to_string(++n), [&](TarHeader& h) { h.mtime = mtime; });
  }
  field("uid-large", [](TarHeader& h) { h.uid = "\x80\0\0\1\0\0\0\0"s; });
  field("uid-negative", [](TarHeader& h) { h.uid = std::string(8, '\xff'); });
  field("gid", [](TarHeader& h) { h.gid = "root"; });
  field("devmajor", [](TarHeader& h) { h.devmajor = "junk"; });
  field("devminor", [](TarHeader& h) { h.devminor = "-1"; });
  field("checksum-zero", [](TarHeader& h) { h.checksum = "000000\0 "s; });
  field("checksum-blank", [](TarHeader& h) { h.checksum = "        "; });
  field("checksum-other", [](TarHeader& h) { h.checksum = "012345\0 "s; });
  field("checksum-base256", [](TarHeader& h) { h.checksum = "\x80\0\0\0\0\0\x10\0"s; });
  field("magic-none", [](TarHeader& h) { h.magic = h.version = ""; });
  field("magic-unended", [](TarHeader& h) { h.magic = "ustar0"; });
  field("version", [](TarHeader& h) { h.version = "01"; });
  field("version-empty", [](TarHeader& h) { h.version = ""; });
  field("star-time", [](TarHeader& h) { h.prefix = std::string(131, '\0') + "035601166/4 "s; });
  field("tail", [](TarHeader& h) { h.tail = "tar\0"s; });
  field("tail-star", [](TarHeader& h) { h.tail = std::string(8, '\0') + "tar\0"s; });
  // A checksum of signed bytes, as one old system wrote it and one reader still takes it.
  field("checksum-signed", [](TarHeader& h) {
    h.uname = "\xe9\xe9\xe9\xe9";
    h.checksum = std::string(8, ' ');
    const std::string block = h.block();
    std::int64_t sum = 0;
    for (const char b : block) sum += static_cast<signed char>(b);
    h.checksum = octal(static_cast<std::uint64_t>(sum), 6) + "\0 "s;
  });
  c.tar("directory-size", "tar/number", [](auto& t) {
    t.entry(header_of("package/lib/", '5'), TarBuilder().file("package/e.js", evil).unfinished());
  });
  c.tar("padding", "tar/number", [](auto& t) {
    TarHeader h = header_of("package/a.js");
    h.size = octal(1, 11);
    t.raw(h.block()).raw("x").raw(std::string(510, '\0')).raw("!");
  });
  c.tar("bad-header-between", "tar/number",
        [](auto& t) { t.raw(std::string(512, 'x')).file("package/evil.js", evil); });
  c.tar("one-zero-block", "tar/number",
        [](auto& t) { t.raw(std::string(512, '\0')).file("package/evil.js", evil); });
  c.tar("two-zero-blocks", "tar/number",
        [](auto& t) { t.raw(std::string(1024, '\0')).file("package/evil.js", evil); });
  c.tar("many-zero-blocks", "tar/number",
        [](auto& t) { t.raw(std::string(10'240, '\0')).file("package/evil.js", evil); });
  const std::string open = clean_package().unfinished();
  c.add("no-end", "tar/number", gzip(open));
  c.add("one-zero-block-end", "tar/number", gzip(open + std::string(512, '\0')));
  c.add("half-zero-block", "tar/number", gzip(open + std::string(700, '\0')));
  c.add("uneven-end", "tar/number", gzip(open + std::string(1025, '\0')));
  c.add("byte-after-end", "tar/number", gzip(open + std::string(1024, '\0') + std::string(511, '\0') + "x"));
  c.add("truncated-header", "tar/number", gzip(open + header_of("package/a.js").block().substr(0, 300)));
  c.add("truncated-body", "tar/number", gzip(open.substr(0, 530)));
  c.add("truncated-padding", "tar/number", gzip(open.substr(0, 900)));
}

void add_mode(Collection& c) {
  for (const std::string mode : {"004755 ", "002755 ", "006755 ", "004644 ", "007777 "}) {
    c.tar(mode.substr(0, 6), "tar/mode", [&](auto& t) {
      TarHeader h = header_of("package/cli");
      h.mode = mode;
      t.entry(h, "#!/bin/sh\n");
    });
  }
  c.tar("directory-setgid", "tar/mode", [](auto& t) {
    TarHeader h = header_of("package/bin/", '5');
    h.mode = "002755 ";
    t.entry(h);
  });
}

void add_manifest(Collection& c) {
  const auto manifest = [&](std::string name, std::string text) {
    c.add(std::move(name), "tar/manifest", gzip(TarBuilder().file("package/package.json", text).tar()));
  };
  c.add("no-entries", "tar/manifest", gzip(TarBuilder().tar()));
  c.add("absent", "tar/manifest", gzip(TarBuilder().file("package/index.js", evil).tar()));
  c.add("deeper", "tar/manifest", gzip(TarBuilder().file("package/lib/package.json", "{}").tar()));
  c.add("directory", "tar/manifest", gzip(TarBuilder().directory("package/package.json/").tar()));
  manifest("empty", "");
  manifest("not-json", "name: evil");
  manifest("cut", R"({"name":"a","version":"1.0.0")");
  manifest("trailing", R"({"name":"a","version":"1.0.0"} x)");
  manifest("array", R"(["a"])");
  manifest("byte-order-mark",
           "\xef\xbb\xbf"
           R"({"name":"a","version":"1.0.0"})");
  manifest("utf16", "{\0}\0"s);
  manifest("not-utf8", "{\"name\":\"a\",\"version\":\"1.0.0\",\"x\":\"\xff\"}");
  manifest("no-name", R"({"version":"1.0.0"})");
  manifest("no-version", R"({"name":"a"})");
  manifest("name-twice", R"({"name":"a","version":"1.0.0","name":"b"})");
  manifest("proto", R"({"name":"a","version":"1.0.0","__proto__":{}})");
  manifest("comment", "{\"name\":\"a\", /* b */ \"version\":\"1.0.0\"}");
  std::string text = R"({"name":"a","version":"1.0.0","x":")";
  for (std::uint32_t word = 1; text.size() < 5u << 20; word = word * 1664525u + 1013904223u)
    text += hex2(word >> 24 & 0xff);
  manifest("over-4-mb", text + "\"}");
}

}  // namespace

std::vector<HostileArchive> hostile_archives() {
  Collection c;
  add_gzip(c);
  add_bomb(c);
  add_link(c);
  add_duplicate(c);
  add_path(c);
  add_prefix(c);
  add_pax(c);
  add_number(c);
  add_mode(c);
  add_manifest(c);
  return std::move(c.archives);
}

std::vector<HostileArchive> clean_archives() {
  std::vector<HostileArchive> clean;
  const auto add = [&](std::string name, const TarBuilder& t, std::size_t zeros = 0) {
    clean.push_back({"clean-" + std::move(name), {}, gzip(t.tar() + std::string(zeros, '\0'))});
  };
  add("small", clean_package());
  add("many-sizes", [] {
    TarBuilder t = clean_package();
    for (const std::size_t size : {0u, 1u, 511u, 512u, 513u, 1024u, 70'000u}) {
      std::string text;
      for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('a' + i * i % 23);
      t.file("package/f" + std::to_string(size), text);
    }
    return t;
  }());
  add("zeros-at-end", clean_package(), 9216);
  // As npm 11 writes a path of over 100 bytes that no '/' divides.
  add("npm-long-path", [] {
    const std::string path = "package/" + std::string(140, 'n') + ".js";
    return clean_package()
        .pax({{"mtime", "499162500"}, {"path", path}, {"size", "1"}})
        .entry(header_of(path.substr(0, 99)), "x");
  }());
  add("two-long-paths-one-plain-name", [] {
    TarBuilder t = clean_package();
    for (const char* end : {"1.js", "2.js"}) {
      const std::string path = "package/" + std::string(140, 'n') + end;
      t.pax({{"path", path}}).entry(header_of(path.substr(0, 99)), "x");
    }
    return t;
  }());
  // As tar-stream (pnpm, Yarn) writes one, and as libarchive (Bun) does.
  add("tar-stream-long-path",
      clean_package().pax({{"path", "package/" + std::string(140, 'n')}}).entry(header_of("PaxHeader"), "x"));
  add("libarchive-long-path",
      clean_package()
          .pax({{"path", "package/" + std::string(148, 'd') + "/" + std::string(90, 'e') + "/file.js"},
                {"mtime", "499162500.25"}})
          .entry(header_of("package/" + std::string(90, 'e') + "/file.js"), "x"));
  add("prefix-path",
      clean_package().file("package/" + std::string(90, 'a') + "/" + std::string(90, 'b') + ".js", "x"));
  add("star-times", [] {
    TarHeader h = header_of("package/a.js");
    h.prefix = std::string(131, '\0') + "03560116604 03560116604 ";
    return clean_package().entry(h, "x");
  }());
  return clean;
}

}  // namespace sallyport
