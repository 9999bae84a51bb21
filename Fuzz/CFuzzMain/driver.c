#include <stddef.h>
#include <stdint.h>
#include "CFuzzMain.h"

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *data, size_t size));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The package manager calls the entry point of a program by the name of its module and points `main` to it.
int OunceFuzz_main(int argc, char **argv) { return LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput); }
