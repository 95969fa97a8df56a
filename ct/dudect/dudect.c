/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Statistics of timing on a host, after dudect (Reparaz, Balasch, Verbauwhede 2017): each operation is timed with inputs of
 * two classes in random order, and Welch's t-test asks whether both have the same mean, over all measurements and over the
 * fastest parts of them. |t| above 10 is a difference; below 5 none was found, which is no proof.
 *
 *   dudect [MEASUREMENTS]
 *
 * The control, a comparison that ends at the first difference, must be found.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "device.h"

enum { CUTS = 20, WARM = 500 };

static uint64_t state = 0x9E3779B97F4A7C15u;

static uint32_t draw(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

static uint64_t now(void)
{
#if defined(__x86_64__)
    uint32_t low, high;

    __asm__ volatile("mfence\n\tlfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high)::"memory");
    return (uint64_t)high << 32 | low;
#else
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

/* --- what is timed -------------------------------------------------------------------------------------------------- */

static device_t *here, *there;
static uint32_t mac_key, cmac_key, pin_key, zone, pvk, kbpk, cvk;
static uint8_t right[16], right_cmac[16], tag[16], pin_block[8], pvv[4], block[PAYHSM_KEY_BLOCK_MAX_LEN];
static uint8_t wrapped[PAYHSM_KEY_BLOCK_MAX_LEN];
static size_t wrapped_len;
static payhsm_pin_t pin;
static volatile int sink;

static const uint8_t PAN[] = "1122334455667788", MESSAGE[] = "4012345678909D987";

static void must(payhsm_status_t status, const char *what)
{
    if (status != PAYHSM_OK) {
        fprintf(stderr, "dudect: %s: %s\n", what, payhsm_status_text(status));
        exit(2);
    }
}

static uint32_t enter(device_t *device, const char *usage, char algorithm, char mode, char exportability, uint8_t seed)
{
    uint8_t key[16];
    payhsm_key_info_t info;
    uint32_t handle = 0;
    size_t i;

    for (i = 0; i < 16; i++) {
        key[i] = (uint8_t)(seed * 37u + i * 29u + i * i);
        key[i] = (uint8_t)(key[i] ^ !(__builtin_popcount(key[i]) & 1));
    }
    must(device_enter(device, usage, algorithm, mode, exportability, key, 16, &handle, &info), usage);
    return handle;
}

/* Class 0: the first byte is wrong, class 1: the last. */
static void wrong_mac(int class) { memcpy(tag, right, 8), tag[class ? 7 : 0] ^= 0x40; }
static void wrong_cmac(int class) { memcpy(tag, right_cmac, 16), tag[class ? 15 : 0] ^= 0x40; }
static void verify_mac(void) { sink = payhsm_mac_verify(there->ctx, mac_key, PAYHSM_MAC_X9_19, MESSAGE, 17, tag, 8); }
static void verify_cmac(void) { sink = payhsm_mac_verify(there->ctx, cmac_key, PAYHSM_MAC_CMAC, MESSAGE, 17, tag, 16); }

/* Class 0: one PIN, class 1: any, of any length. Both are made by the same steps: what a branch leaves in the processor's
   predictors would be measured with the call behind it. */
static void some_pin(int class)
{
    const uint8_t any = (uint8_t)-class;
    uint8_t len = (uint8_t)(4 + draw() % 9);
    size_t i;

    memset(&pin, 0, sizeof pin);
    len = (uint8_t)((len & any) | (4 & ~any));
    pin.len = len;
    for (i = 0; i < 12; i++) {
        const uint8_t digit = (uint8_t)(draw() % 10), used = (uint8_t)-(i < len);

        pin.digits[i] = (uint8_t)(((digit & any) | (7 & ~any)) & used);
    }
}
static void encipher_pin(void)
{
    size_t len;

    sink = payhsm_pin_encipher(here->ctx, pin_key, PAYHSM_PIN_FORMAT_0, PAN, 16, &pin, block, 8, &len);
}

/* Class 0: the right PIN with the wrong reference, class 1: a block without a PIN. */
static uint8_t tried[8];
static void some_block(int class) { memcpy(tried, pin_block, 8), tried[3] ^= (uint8_t)((1 + draw() % 255) & (uint32_t)-class); }
static void verify_pin(void)
{
    sink = payhsm_pin_verify_pvv(there->ctx, zone, PAYHSM_PIN_FORMAT_0, PAN, 16, tried, 8, pvk, 1, pvv);
}

/* Class 0: the authenticator's first character is wrong, class 1: its last; the characters stay digits. */
static void wrong_block(int class)
{
    size_t at = class ? wrapped_len - 1 : wrapped_len - 32;

    memcpy(block, wrapped, wrapped_len);
    while (block[at] > '8') {
        at++;
        if (at == wrapped_len) {
            at = wrapped_len - 32;
        }
    }
    block[at]++;
}
static void import_block(void)
{
    payhsm_key_info_t info;
    uint32_t key;

    sink = payhsm_key_import(there->ctx, kbpk, PAYHSM_PROFILE_X9_143_STRICT, block, wrapped_len, &key, &info);
}

static uint8_t value[3];
static void wrong_cvv(int class)
{
    size_t len;

    must(payhsm_cvv_generate(there->ctx, cvk, PAYHSM_CVV_STRIPE, 101, PAN, 16, (const uint8_t *)"2912", 3, value, 3, &len), "CVV");
    value[class ? 2 : 0] = (uint8_t)('0' + (value[class ? 2 : 0] - '0' + 3) % 10);
}
static void verify_cvv(void)
{
    sink = payhsm_cvv_verify(there->ctx, cvk, PAYHSM_CVV_STRIPE, 101, PAN, 16, (const uint8_t *)"2912", value, 3);
}

/* The control. */
static uint8_t stored[64], given[64];
static void wrong_bytes(int class) { memcpy(given, stored, 64), given[class ? 63 : 0] ^= 1; }
static void compare(void)
{
    int i = 0;

    while (i < 64 && *(volatile uint8_t *)&given[i] == *(volatile uint8_t *)&stored[i]) {
        i++;
    }
    sink = i;
}

static void ready(void)
{
    size_t len;
    uint32_t key;

    here = calloc(1, sizeof *here);
    there = calloc(1, sizeof *there);
    if (here == NULL || there == NULL) {
        exit(2);
    }
    must(device_start(here, 0), "start");
    must(device_start(there, 0), "start");
    mac_key = enter(there, "M3", 'T', 'C', 'N', 1);
    cmac_key = enter(there, "M6", 'A', 'C', 'N', 2);
    pin_key = enter(here, "P0", 'T', 'E', 'N', 3);
    zone = enter(there, "P0", 'T', 'D', 'N', 3);
    pvk = enter(there, "V2", 'T', 'C', 'N', 4);
    cvk = enter(there, "C0", 'T', 'C', 'N', 5);
    kbpk = enter(there, "K1", 'A', 'B', 'N', 6);
    key = enter(there, "D0", 'A', 'B', 'E', 7);
    must(payhsm_mac_generate(there->ctx, mac_key, PAYHSM_MAC_X9_19, MESSAGE, 17, 8, right, 8, &len), "MAC");
    must(payhsm_mac_generate(there->ctx, cmac_key, PAYHSM_MAC_CMAC, MESSAGE, 17, 16, right_cmac, 16, &len), "MAC");
    some_pin(0);
    must(payhsm_pin_encipher(here->ctx, pin_key, PAYHSM_PIN_FORMAT_0, PAN, 16, &pin, pin_block, 8, &len), "PIN");
    must(payhsm_pvv_generate(there->ctx, zone, PAYHSM_PIN_FORMAT_0, PAN, 16, pin_block, 8, pvk, 1, pvv), "PVV");
    pvv[0] = (uint8_t)('0' + (pvv[0] - '0' + 5) % 10);
    must(payhsm_key_export(there->ctx, kbpk, key, wrapped, sizeof wrapped, &wrapped_len), "key block");
}

/* --- statistics ----------------------------------------------------------------------------------------------------- */

struct welch {
    double n[2], mean[2], squares[2];
};

static void add(struct welch *w, int class, double x)
{
    const double before = x - w->mean[class];

    w->n[class]++;
    w->mean[class] += before / w->n[class];
    w->squares[class] += before * (x - w->mean[class]);
}

static double t_of(const struct welch *w)
{
    double variance = 0;
    int class;

    for (class = 0; class < 2; class ++) {
        if (w->n[class] < 100) {
            return 0;
        }
        variance += w->squares[class] / (w->n[class] - 1) / w->n[class];
    }
    return variance > 0 ? (w->mean[0] - w->mean[1]) / sqrt(variance) : 0;
}

static int by_size(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The largest |t| of all measurements and of those below each of a row of quantiles. */
static double measure(const char *name, size_t count, void (*prepare)(int), void (*run)(void), const payhsm_status_t *expected)
{
    uint64_t *times = malloc(count * sizeof *times), *sorted = malloc(count * sizeof *sorted);
    uint8_t *classes = malloc(count);
    double largest = 0;
    size_t i, cut;

    if (times == NULL || sorted == NULL || classes == NULL) {
        exit(2);
    }
    for (i = 0; i < count + WARM; i++) {
        const int class = (int)(draw() & 1);
        uint64_t began, took;

        prepare(class);
        began = now();
        run();
        took = now() - began;
        if (expected != NULL && sink != *expected) {
            fprintf(stderr, "dudect: %s: %s\n", name, payhsm_status_text(sink));
            exit(2);
        }
        if (i >= WARM) {
            times[i - WARM] = sorted[i - WARM] = took;
            classes[i - WARM] = (uint8_t)class;
        }
    }
    qsort(sorted, count, sizeof *sorted, by_size);
    for (cut = 0; cut <= CUTS; cut++) {
        const double share = cut == 0 ? 1 : 1 - pow(0.5, 10.0 * (double)cut / CUTS);
        const uint64_t limit = sorted[(size_t)((double)(count - 1) * share)];
        struct welch w = {{0}, {0}, {0}};
        double t;

        for (i = 0; i < count; i++) {
            if (times[i] <= limit) {
                add(&w, classes[i], (double)times[i]);
            }
        }
        t = fabs(t_of(&w));
        largest = t > largest ? t : largest;
    }
    free(times);
    free(sorted);
    free(classes);
    return largest;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*prepare)(int);
        void (*run)(void);
        payhsm_status_t expected;
        int control;
    } all[] = {
        {"control: comparison that ends early", wrong_bytes, compare, 0, 1},
        {"MAC X9.19, first or last byte wrong", wrong_mac, verify_mac, PAYHSM_ERR_VERIFICATION_FAILED, 0},
        {"MAC CMAC AES, first or last byte wrong", wrong_cmac, verify_cmac, PAYHSM_ERR_VERIFICATION_FAILED, 0},
        {"PIN block 0, one PIN or any", some_pin, encipher_pin, PAYHSM_OK, 0},
        {"PIN by PVV, wrong PIN or none", some_block, verify_pin, PAYHSM_ERR_VERIFICATION_FAILED, 0},
        {"key block D, first or last character wrong", wrong_block, import_block, PAYHSM_ERR_VERIFICATION_FAILED, 0},
        {"CVV, first or last digit wrong", wrong_cvv, verify_cvv, PAYHSM_ERR_VERIFICATION_FAILED, 0},
    };
    const size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    int bad = 0;
    size_t i;

    if (count < 1000) {
        fprintf(stderr, "dudect: at least 1000 measurements\n");
        return 2;
    }
    ready();
    printf("operation\tmeasurements\tlargest |t|\n");
    for (i = 0; i < sizeof all / sizeof *all; i++) {
        const double t = measure(all[i].name, count, all[i].prepare, all[i].run, all[i].control ? NULL : &all[i].expected);
        const int found = t > 10;

        printf("%s\t%zu\t%.1f\t%s\n", all[i].name, count, t,
               found ? (all[i].control ? "found, as it must be" : "DIFFERENT") : all[i].control ? "NOT FOUND" : "");
        bad |= found != all[i].control;
    }
    return bad;
}
