// The entry of libFuzzer for a program that has a main of its own: compiler-rt, include/fuzzer/FuzzerInterface.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*run)(const uint8_t *bytes, size_t count));
