# For libFuzzer: every object counts the code it runs (tests/fuzz/run).
set(CMAKE_CXX_COMPILER clang++-19 CACHE STRING "")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
set(CMAKE_CXX_FLAGS_DEBUG "" CACHE STRING "")
set(CMAKE_CXX_FLAGS "-O1 -gline-tables-only -fsanitize=fuzzer-no-link" CACHE STRING "")
set(CMAKE_EXE_LINKER_FLAGS "-fuse-ld=lld" CACHE STRING "")
set(SALLYPORT_TESTS ON CACHE BOOL "")
set(SALLYPORT_SANITIZE "address,undefined" CACHE STRING "")
