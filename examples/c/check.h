/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Checks that count, and memory that ends where it must. */
#ifndef EXAMPLE_CHECK_H
#define EXAMPLE_CHECK_H

#include <payhsm.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

extern unsigned checks, failures;

#define CHECK(condition)                                                                  \
    do {                                                                                  \
        checks++;                                                                         \
        if (!(condition)) {                                                               \
            failures++;                                                                   \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);       \
        }                                                                                 \
    } while (0)

#define CHECK_STATUS(call, expected) check_status((call), (expected), #call, __FILE__, __LINE__)
#define CHECK_OK(call) CHECK_STATUS(call, PAYHSM_OK)
#define CHECK_BYTES(bytes, hex) check_bytes((bytes), (hex), __FILE__, __LINE__)

void check_status(payhsm_status_t status, payhsm_status_t expected, const char *call, const char *file, int line);

/* `bytes` begins with what `hex` says. */
void check_bytes(const uint8_t *bytes, const char *hex, const char *file, int line);

int all_zero(const void *bytes, size_t len);

/* Reads hexadecimal digits; returns the number of bytes. */
size_t unhex(const char *hex, uint8_t *out);

/*
 * `len` bytes, filled with `fill`, before a page that cannot be touched: the sanitizer sees what C code does, this what
 * the library does. Never given back; there are enough for a test.
 */
void *guarded(size_t len, uint8_t fill);

/* Bytes that a test gives as an input: guarded, so that the library cannot read behind them. */
uint8_t *input(const char *hex, size_t *len);

/* Prints the figures; the value of `main`. */
int check_end(const char *name);

#endif
