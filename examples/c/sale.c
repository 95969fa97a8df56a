/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The shortest whole story: custodians give terminal and host a key-block protection key, the host derives the
 * terminal's initial DUKPT key and sends it in a key block, the terminal sends a PIN block and a MAC under the next
 * transaction's keys, and the host answers.
 *
 * Terminal and host are two modules in one program here. Every status is looked at: the compiler warns otherwise.
 */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static device_t terminal, host;

static void must(payhsm_status_t status, const char *what)
{
    if (status != PAYHSM_OK) {
        fprintf(stderr, "%s: %s\n", what, payhsm_status_text(status));
        exit(EXIT_FAILURE);
    }
    printf("ok    %s\n", what);
}

int main(void)
{
    /* Test keys of the standards. A product's keys never stand in a program. */
    static const uint8_t kbpk[16] = {0x11, 0x32, 0x53, 0x74, 0x95, 0xB6, 0xD7, 0xF8,
                                     0x19, 0x3A, 0x5B, 0x7C, 0x9D, 0xBE, 0xDF, 0x01};
    static const uint8_t bdk[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
                                    0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10};
    static const uint8_t zone[16] = {0x2A, 0x4C, 0x6E, 0x80, 0xA2, 0xC4, 0xE6, 0x08,
                                     0x3B, 0x5D, 0x7F, 0x91, 0xB3, 0xD5, 0xF7, 0x19};
    static const uint8_t id[10] = {0xFF, 0xFF, 0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0x00, 0x00};
    /* ASCII without a zero behind. */
    static const uint8_t pan[13] = "4012345678909";
    static const uint8_t request[17] = "4012345678909D987";
    static const uint8_t response[8] = "approved";
    payhsm_key_info_t here, there;
    payhsm_initial_key_info_t initial;
    uint32_t kbpk_t, kbpk_h, bdk_h, zone_h, group, sale, message;
    uint8_t block[256], kcv[PAYHSM_KCV_MAX_LEN], ksn[PAYHSM_KSN_MAX_LEN];
    uint8_t pin_block[PAYHSM_PIN_BLOCK_MAX_LEN], translated[PAYHSM_PIN_BLOCK_MAX_LEN];
    uint8_t mac[8], answer[8];
    size_t block_len, ksn_len, pin_len, translated_len, mac_len, answer_len;
    payhsm_pin_t pin = {4, {1, 2, 3, 4}};

    if (payhsm_abi_version() != PAYHSM_ABI_VERSION) {
        fprintf(stderr, "header and library differ\n");
        return EXIT_FAILURE;
    }
    must(device_start(&terminal, 0), "terminal: start");
    must(device_start(&host, 0), "host: start");

    /* One key, two modes of use: the host wraps, the terminal unwraps. */
    must(device_enter(&host, "K1", 'A', 'E', 'N', kbpk, sizeof kbpk, &kbpk_h, &here), "host: KBPK of two components");
    must(device_enter(&terminal, "K1", 'A', 'D', 'N', kbpk, sizeof kbpk, &kbpk_t, &there), "terminal: the same");
    if (memcmp(here.kcv, there.kcv, sizeof here.kcv) != 0) {
        fprintf(stderr, "the check values differ\n");
        return EXIT_FAILURE;
    }
    must(device_enter(&host, "B0", 'T', 'X', 'N', bdk, sizeof bdk, &bdk_h, &here), "host: BDK");
    must(device_enter(&host, "P0", 'T', 'E', 'N', zone, sizeof zone, &zone_h, &here), "host: zone PIN key");

    must(payhsm_dukpt_export_initial_key(host.ctx, bdk_h, id, sizeof id, kbpk_h, block, sizeof block, &block_len, kcv),
         "host: initial key in a key block");
    printf("      %.16s... (%u characters)\n", (const char *)block, (unsigned)block_len);
    must(payhsm_dukpt_load(terminal.ctx, kbpk_t, PAYHSM_PROFILE_X9_143_STRICT, block, block_len, &group, &initial),
         "terminal: load it");
    if (initial.kcv_len != sizeof kcv || memcmp(initial.kcv, kcv, sizeof kcv) != 0) {
        fprintf(stderr, "the check values of the initial key differ\n");
        return EXIT_FAILURE;
    }

    must(payhsm_dukpt_begin(terminal.ctx, group, &sale, ksn, sizeof ksn, &ksn_len), "terminal: begin a transaction");
    must(payhsm_pin_encipher(terminal.ctx, sale, PAYHSM_PIN_FORMAT_0, pan, sizeof pan, &pin, pin_block,
                             sizeof pin_block, &pin_len),
         "terminal: PIN block");
    must(payhsm_mac_generate(terminal.ctx, sale, PAYHSM_MAC_X9_19, request, sizeof request, sizeof mac,
                             mac, sizeof mac, &mac_len),
         "terminal: request MAC");

    must(payhsm_dukpt_derive(host.ctx, bdk_h, ksn, ksn_len, &message), "host: keys of the KSN");
    must(payhsm_mac_verify(host.ctx, message, PAYHSM_MAC_X9_19, request, sizeof request, mac, mac_len),
         "host: request MAC is right");
    must(payhsm_pin_translate(host.ctx, message, PAYHSM_PIN_FORMAT_0, pan, sizeof pan, pin_block,
                              pin_len, zone_h, PAYHSM_PIN_FORMAT_3, translated, sizeof translated, &translated_len),
         "host: PIN block for the issuer, format 3");
    must(payhsm_mac_generate(host.ctx, message, PAYHSM_MAC_X9_19, response, sizeof response,
                             sizeof answer, answer, sizeof answer, &answer_len),
         "host: response MAC");
    must(payhsm_transaction_end(host.ctx, message), "host: end");

    must(payhsm_mac_verify(terminal.ctx, sale, PAYHSM_MAC_X9_19, response, sizeof response, answer,
                           answer_len),
         "terminal: response MAC is right");
    must(payhsm_transaction_end(terminal.ctx, sale), "terminal: end");

    must(payhsm_close(terminal.ctx), "terminal: close");
    must(payhsm_close(host.ctx), "host: close");
    return EXIT_SUCCESS;
}
