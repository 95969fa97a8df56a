/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#define _DEFAULT_SOURCE 1 /* MAP_ANONYMOUS */

#include "check.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

unsigned checks, failures;

void check_status(payhsm_status_t status, payhsm_status_t expected, const char *call, const char *file, int line)
{
    checks++;
    if (status != expected) {
        failures++;
        fprintf(stderr, "%s:%d: %s\n    gives %d (%s), not %d (%s)\n", file, line, call, (int)status,
                payhsm_status_text(status), (int)expected, payhsm_status_text(expected));
    }
}

size_t unhex(const char *hex, uint8_t *out)
{
    size_t i, len = strlen(hex) / 2;
    unsigned value;

    for (i = 0; i < len; i++) {
        if (sscanf(hex + 2 * i, "%2x", &value) != 1) {
            abort();
        }
        out[i] = (uint8_t)value;
    }
    return len;
}

void check_bytes(const uint8_t *bytes, const char *hex, const char *file, int line)
{
    uint8_t expected[256];
    size_t i, len = unhex(hex, expected);

    checks++;
    if (memcmp(bytes, expected, len) != 0) {
        failures++;
        fprintf(stderr, "%s:%d: ", file, line);
        for (i = 0; i < len; i++) {
            fprintf(stderr, "%02X", bytes[i]);
        }
        fprintf(stderr, " is not %s\n", hex);
    }
}

int all_zero(const void *bytes, size_t len)
{
    const uint8_t *byte = bytes;

    while (len > 0 && *byte == 0) {
        byte++;
        len--;
    }
    return len == 0;
}

void *guarded(size_t len, uint8_t fill)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (len + page - 1) / page * page;
    uint8_t *memory = mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory + pages, page, PROT_NONE) != 0) {
        abort();
    }
    memset(memory, fill, pages);
    return memory + pages - len;
}

uint8_t *input(const char *hex, size_t *len)
{
    uint8_t *bytes = guarded(strlen(hex) / 2, 0);

    *len = unhex(hex, bytes);
    return bytes;
}

int check_end(const char *name)
{
    printf("%s: %u checks, %u failures\n", name, checks, failures);
    return failures == 0 && checks > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
