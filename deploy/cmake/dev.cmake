# For developers: warnings are errors, unit tests with address and undefined-behaviour sanitizers.
set(CMAKE_CXX_COMPILER clang++-19 CACHE STRING "")
set(CMAKE_BUILD_TYPE Debug CACHE STRING "")
# No -g of CMake's own: line tables are what a stack trace needs, at half the size of the objects.
set(CMAKE_CXX_FLAGS_DEBUG "" CACHE STRING "")
set(CMAKE_CXX_FLAGS "-O0 -gline-tables-only" CACHE STRING "")
set(CMAKE_EXE_LINKER_FLAGS "-fuse-ld=lld" CACHE STRING "")
set(SALLYPORT_TESTS ON CACHE BOOL "")
set(SALLYPORT_WERROR ON CACHE BOOL "")
set(SALLYPORT_SANITIZE "address,undefined" CACHE STRING "")
