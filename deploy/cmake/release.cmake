# The binary for users: optimised, hardened, no warnings as errors (a newer compiler must not break a build).
set(CMAKE_CXX_COMPILER clang++-19 CACHE STRING "")
set(CMAKE_BUILD_TYPE Release CACHE STRING "")
set(CMAKE_CXX_FLAGS "-D_FORTIFY_SOURCE=2 -fPIE" CACHE STRING "")
set(CMAKE_EXE_LINKER_FLAGS "-fuse-ld=lld -pie -Wl,-z,relro,-z,now" CACHE STRING "")
set(SALLYPORT_STATIC_ROCKSDB ON CACHE BOOL "")
