/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The program of image.c under valgrind, its secrets undefined: included before everything else (scripts/ct). Says of each
 * operation whether a branch or an address depended on one of them, in its preparation or in the call. */
#ifndef TRACES_UNDEFINED_H
#define TRACES_UNDEFINED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <valgrind/memcheck.h>

#define PUBLIC(bytes, len) ((void)VALGRIND_MAKE_MEM_DEFINED(bytes, len))
#define PROOF_BEFORE(operation) undefined_before()
#define PROOF_AFTER(operation, status) \
    undefined_after((operation)->name, (operation)->flags, (operation)->expected, status, (uint8_t *)&out, sizeof out)

static unsigned undefined_errors, undefined_ok, undefined_failed;

static inline void undefined_before(void) { undefined_errors = (unsigned)VALGRIND_COUNT_ERRORS; }

static inline void undefined_after(const char *name, uint32_t flags, long expected, long status, uint8_t *out, size_t len) {
    enum { LEAKS_ON_PURPOSE = 4 | 16 };
    const unsigned reports = (unsigned)VALGRIND_COUNT_ERRORS - undefined_errors;
    const char *verdict = "ok";
    /* What a call gives to its caller is public then; the status is as it came. */
    (void)VALGRIND_MAKE_MEM_DEFINED(out, len);
    if (VALGRIND_CHECK_MEM_IS_DEFINED(&status, sizeof status) != 0) {
        verdict = (flags & LEAKS_ON_PURPOSE) != 0 ? "caught" : "SECRET STATUS";
        (void)VALGRIND_MAKE_MEM_DEFINED(&status, sizeof status);
    } else if (status != expected) {
        verdict = "WRONG STATUS";
    } else if (reports != 0 && (flags & LEAKS_ON_PURPOSE) == 0) {
        verdict = "LEAKS";
    } else if (reports != 0) {
        verdict = "caught";
    }
    if (verdict[0] == 'o' || verdict[0] == 'c') {
        undefined_ok++;
    } else {
        undefined_failed++;
    }
    printf("%-58s %s\n", name, verdict);
    fflush(stdout);
}

#endif
