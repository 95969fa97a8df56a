/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * Many contexts in many threads, each context with one owner at a time. The library has no state outside of a context:
 * nothing is locked here, and nothing needs to be.
 *
 *   threads           each thread has its own terminal and host; then the contexts change hands
 *   threads --race    a control: two threads write one number without a lock, which a race detector must find
 */
#include "device.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 6, SALES = 4 };

static const uint8_t PROTECTION[16] = {0x11, 0x32, 0x53, 0x74, 0x95, 0xB6, 0xD7, 0xF8,
                                       0x19, 0x3A, 0x5B, 0x7C, 0x9D, 0xBE, 0xDF, 0x01};
static const uint8_t BASE[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
                                 0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10};
static const uint8_t PAN[13] = "4012345678909";

/* A terminal and its host. */
typedef struct {
    unsigned number;
    device_t terminal, host;
    uint32_t bdk, group;
    uint32_t failed_line;
    uint8_t last_ksn[PAYHSM_KSN_MAX_LEN];
} pair_t;

static pair_t pairs[THREADS];

#define MUST(call)                                       \
    do {                                                 \
        if ((call) != PAYHSM_OK) {                       \
            pair->failed_line = __LINE__;                \
            return NULL;                                 \
        }                                                \
    } while (0)

static void *load(void *argument)
{
    pair_t *pair = argument;
    uint8_t id[10] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00};
    uint8_t block[256], kcv[PAYHSM_KCV_MAX_LEN];
    payhsm_initial_key_info_t initial;
    payhsm_key_info_t info;
    uint32_t here, there;
    size_t len;

    id[5] = (uint8_t)pair->number;
    MUST(device_start(&pair->terminal, 0));
    MUST(device_start(&pair->host, 0));
    MUST(device_enter(&pair->host, "K1", 'A', 'E', 'N', PROTECTION, sizeof PROTECTION, &there, &info));
    MUST(device_enter(&pair->terminal, "K1", 'A', 'D', 'N', PROTECTION, sizeof PROTECTION, &here, &info));
    MUST(device_enter(&pair->host, "B0", 'T', 'X', 'N', BASE, sizeof BASE, &pair->bdk, &info));
    MUST(payhsm_dukpt_export_initial_key(pair->host.ctx, pair->bdk, id, sizeof id, there, block, sizeof block, &len, kcv));
    MUST(payhsm_dukpt_load(pair->terminal.ctx, here, PAYHSM_PROFILE_X9_143_STRICT, block, len, &pair->group, &initial));
    return NULL;
}

static void *sell(void *argument)
{
    pair_t *pair = argument;
    uint8_t ksn[PAYHSM_KSN_MAX_LEN], mac[8];
    uint8_t block[PAYHSM_PIN_BLOCK_MAX_LEN];
    uint32_t here, there;
    size_t ksn_len, len;
    int i;

    for (i = 0; i < SALES; i++) {
        payhsm_pin_t pin = {4, {1, 2, 3, 4}};

        MUST(payhsm_dukpt_begin(pair->terminal.ctx, pair->group, &here, ksn, sizeof ksn, &ksn_len));
        MUST(payhsm_pin_encipher(pair->terminal.ctx, here, PAYHSM_PIN_FORMAT_0, PAN, sizeof PAN, &pin, block, sizeof block, &len));
        MUST(payhsm_mac_generate(pair->terminal.ctx, here, PAYHSM_MAC_X9_19, block, 8, sizeof mac, mac, sizeof mac, &len));
        MUST(payhsm_dukpt_derive(pair->host.ctx, pair->bdk, ksn, ksn_len, &there));
        MUST(payhsm_mac_verify(pair->host.ctx, there, PAYHSM_MAC_X9_19, block, 8, mac, len));
        MUST(payhsm_transaction_end(pair->host.ctx, there));
        MUST(payhsm_transaction_end(pair->terminal.ctx, here));
    }
    memcpy(pair->last_ksn, ksn, sizeof ksn);
    return NULL;
}

/* Every thread gets the pair of another: what one thread began, another one goes on with. */
static void run(void *(*work)(void *), unsigned shift)
{
    pthread_t threads[THREADS];
    unsigned i;

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &pairs[(i + shift) % THREADS]) != 0) {
            perror("pthread_create");
            exit(EXIT_FAILURE);
        }
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

static uint32_t unguarded;

static void *race(void *argument)
{
    (void)argument;
    unguarded++;
    return NULL;
}

int main(int argc, char **argv)
{
    unsigned i, failures = 0;

    if (argc > 1 && strcmp(argv[1], "--race") == 0) {
        run(race, 0);
        return EXIT_SUCCESS;
    }
    for (i = 0; i < THREADS; i++) {
        pairs[i].number = i;
    }
    run(load, 0);
    run(sell, 0);
    run(sell, 1);
    for (i = 0; i < THREADS; i++) {
        /* As many transactions as sales, each under its own number. */
        if (pairs[i].failed_line != 0 || pairs[i].last_ksn[9] != 2 * SALES || pairs[i].last_ksn[5] != i) {
            fprintf(stderr, "threads: pair %u failed at line %lu\n", i, (unsigned long)pairs[i].failed_line);
            failures++;
        }
        if (payhsm_close(pairs[i].terminal.ctx) != PAYHSM_OK || payhsm_close(pairs[i].host.ctx) != PAYHSM_OK) {
            failures++;
        }
    }
    printf("threads: %u contexts, %u transactions, %u failures\n", 2u * THREADS, 2u * SALES * THREADS, failures);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
