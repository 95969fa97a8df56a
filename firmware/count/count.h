/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#ifndef COUNT_H
#define COUNT_H

#include <stddef.h>
#include <stdint.h>

/* One operation is between the two. */
void count_begin(const char *name);
void count_end(void);
/* All runs of this operation must take as many instructions. */
void count_same(const char *name);
/* What came out, to compare. */
void count_result(const uint8_t *bytes, size_t len);
_Noreturn void count_panic(void);

/* The operations: in Rust over payhsm (src/lib.rs), in C over mbedTLS (peer.c). */
int payhsm_count(void);
int mbedtls_count(void);
#ifdef EMPTY
#define COUNTED() 0
#endif

#endif
