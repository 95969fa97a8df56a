/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * The operations of src/lib.rs over mbedTLS's DES and AES, which look tables up. The schemes are as short as they can be:
 * no checks, no typed keys, nothing wiped. So the table is kind to the tables.
 */
#include <stdbool.h>
#include <string.h>

#include "count.h"
#include "mbedtls/aes.h"
#include "mbedtls/des.h"

enum { STEPS = 1024 };

static const uint8_t KEY[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF,
                                0xFE, 0xDC, 0xBA, 0x98, 0x76, 0x54, 0x32, 0x10};

static const char BLOCK[] = {
#include "block.inc"
    0};

static const uint8_t PIN_0[8] = {0x04, 0x12, 0x34, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
static const uint8_t PAN_0[8] = {0x00, 0x00, 0x17, 0x39, 0x00, 0x10, 0x10, 0x01};
static const uint8_t PIN_4[16] = {0x44, 0x12, 0x34, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA,
                                  0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58};
static const uint8_t PAN_4[16] = {0x44, 0x76, 0x17, 0x39, 0x00, 0x10, 0x10, 0x01};

/* Where the compiler must not know what comes in. */
static void opaque(void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

static void xor(uint8_t *to, const uint8_t *other, size_t len) {
    for (size_t i = 0; i < len; i++) {
        to[i] ^= other[i];
    }
}

/* --- TDEA ---------------------------------------------------------------------------------------------------------- */

static void tdea2(const uint8_t key[16], const uint8_t in[8], uint8_t out[8]) {
    mbedtls_des3_context cipher;
    mbedtls_des3_set2key_enc(&cipher, key);
    mbedtls_des3_crypt_ecb(&cipher, in, out);
}

/* ANSI X9.24-1, A.2: a new key of a key and a KSN. */
static void future_key(const uint8_t key[16], const uint8_t r8[8], uint8_t out[16]) {
    static const uint8_t MASK[16] = {0xC0, 0xC0, 0xC0, 0xC0, 0, 0, 0, 0, 0xC0, 0xC0, 0xC0, 0xC0};
    uint8_t masked[16];
    mbedtls_des_context des;
    memcpy(masked, key, 16);
    xor(masked, MASK, 16);
    for (unsigned half = 0; half < 2; half++) {
        const uint8_t *k = half == 0 ? masked : key;
        uint8_t *r = out + 8 * half;
        memcpy(r, r8, 8);
        xor(r, k + 8, 8);
        mbedtls_des_setkey_enc(&des, k);
        mbedtls_des_crypt_ecb(&des, r, r);
        xor(r, k + 8, 8);
    }
}

static void with_counter(uint8_t *end, uint32_t counter) {
    for (unsigned i = 1; i <= 4; i++, counter >>= 8) {
        end[-(int)i] |= (uint8_t)counter;
    }
}

static uint8_t registers[32][16];

static unsigned lowest(uint32_t counter) { return (unsigned)__builtin_ctz(counter); }

static void tdea_step(const uint8_t r8[8], uint32_t counter, uint8_t out[16]) {
    const unsigned at = lowest(counter);
    memcpy(out, registers[at], 16);
    memset(registers[at], 0, 16);
    for (unsigned i = at; i-- > 0;) {
        uint8_t r[8];
        memcpy(r, r8, 8);
        with_counter(r + 8, counter | (uint32_t)1 << i);
        future_key(out, r, registers[i]);
    }
}

static void retail(const uint8_t key[16], const uint8_t *message, size_t len, uint8_t tag[8]) {
    mbedtls_des_context left, right;
    mbedtls_des_setkey_enc(&left, key);
    mbedtls_des_setkey_dec(&right, key + 8);
    memset(tag, 0, 8);
    for (; len >= 8; len -= 8, message += 8) {
        xor(tag, message, 8);
        mbedtls_des_crypt_ecb(&left, tag, tag);
    }
    mbedtls_des_crypt_ecb(&right, tag, tag);
    mbedtls_des_crypt_ecb(&left, tag, tag);
}

static void tdea(void) {
    static const uint8_t R8[8] = {0x98, 0x76, 0x54, 0x32, 0x10, 0xE0, 0, 0};
    static uint8_t message[128];
    uint8_t key[16], r[8], block[8];
    for (unsigned i = 0; i < 21; i++) {
        memcpy(r, R8, 8);
        with_counter(r + 8, (uint32_t)1 << i);
        future_key(KEY, r, registers[i]);
    }
    for (uint32_t counter = 1; counter <= STEPS; counter++) {
        count_begin("TDEA DUKPT next");
        tdea_step(R8, counter, key);
        count_end();
    }
    count_result(key, 16);
    count_begin("TDEA DUKPT PIN key");
    key[7] ^= 0xFF;
    key[15] ^= 0xFF;
    opaque(key);
    count_end();
    count_begin("PIN block, format 0");
    memcpy(block, PIN_0, 8);
    xor(block, PAN_0, 8);
    tdea2(key, block, block);
    count_end();
    count_result(block, 8);
    memset(message, 0x42, sizeof message);
    opaque(message);
    count_begin("X9.19 MAC, 128 bytes");
    retail(KEY, message, sizeof message, block);
    count_end();
    count_result(block, 8);
}

/* --- AES ----------------------------------------------------------------------------------------------------------- */

static void aes_block(const mbedtls_aes_context *aes, const uint8_t in[16], uint8_t out[16]) {
    mbedtls_aes_crypt_ecb((mbedtls_aes_context *)aes, MBEDTLS_AES_ENCRYPT, in, out);
}

static void doubled(uint8_t block[16]) {
    const uint8_t carry = block[0] >> 7;
    for (unsigned i = 0; i < 15; i++) {
        block[i] = (uint8_t)(block[i] << 1 | block[i + 1] >> 7);
    }
    block[15] = (uint8_t)(block[15] << 1 ^ (carry ? 0x87 : 0));
}

/* At least one byte, in two parts that are whole blocks but for the end of the second. */
static void cmac(const uint8_t key[16], const uint8_t *first, size_t first_len, const uint8_t *second, size_t len,
                 uint8_t tag[16]) {
    mbedtls_aes_context aes;
    uint8_t subkey[16] = {0};
    mbedtls_aes_init(&aes);
    mbedtls_aes_setkey_enc(&aes, key, 128);
    aes_block(&aes, subkey, subkey);
    doubled(subkey);
    memset(tag, 0, 16);
    for (; first_len >= 16; first_len -= 16, first += 16) {
        xor(tag, first, 16);
        aes_block(&aes, tag, tag);
    }
    for (; len > 16; len -= 16, second += 16) {
        xor(tag, second, 16);
        aes_block(&aes, tag, tag);
    }
    xor(tag, second, len);
    if (len < 16) {
        tag[len] ^= 0x80;
        doubled(subkey);
    }
    xor(tag, subkey, 16);
    aes_block(&aes, tag, tag);
}

static unsigned nibble(char c) { return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10); }

static bool unwrap(const uint8_t kbpk[16], const char *text, size_t len, uint8_t key[16]) {
    uint8_t derivation[8] = {1, 0, 0, 0, 0, 2, 0, 0x80};
    uint8_t kbek[16], kbak[16], payload[32], mac[16], computed[16], iv[16];
    mbedtls_aes_context aes;
    cmac(kbpk, NULL, 0, derivation, 8, kbek);
    derivation[2] = 1;
    cmac(kbpk, NULL, 0, derivation, 8, kbak);
    if (len != 16 + 2 * sizeof payload + 2 * sizeof mac) {
        return false;
    }
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(nibble(text[16 + 2 * i]) << 4 | nibble(text[17 + 2 * i]));
    }
    for (size_t i = 0; i < sizeof mac; i++) {
        mac[i] = (uint8_t)(nibble(text[80 + 2 * i]) << 4 | nibble(text[81 + 2 * i]));
    }
    memcpy(iv, mac, 16);
    mbedtls_aes_init(&aes);
    mbedtls_aes_setkey_dec(&aes, kbek, 128);
    mbedtls_aes_crypt_cbc(&aes, MBEDTLS_AES_DECRYPT, sizeof payload, iv, payload, payload);
    cmac(kbak, (const uint8_t *)text, 16, payload, sizeof payload, computed);
    if (memcmp(computed, mac, 16) != 0) {
        return false;
    }
    memcpy(key, payload + 2, 16);
    return true;
}

/* ANSI X9.24-3, 6.3.3: an AES-128 key of an AES-128 key. */
static void derived(const uint8_t key[16], unsigned usage, const uint8_t id[4], uint32_t counter, uint8_t out[16]) {
    uint8_t data[16] = {1, 1, (uint8_t)(usage >> 8), (uint8_t)usage, 0, 2, 0, 0x80, id[0], id[1], id[2], id[3]};
    mbedtls_aes_context aes;
    with_counter(data + 16, counter);
    mbedtls_aes_init(&aes);
    mbedtls_aes_setkey_enc(&aes, key, 128);
    aes_block(&aes, data, out);
}

static bool aes_keys(void) {
    static const uint8_t ID[4] = {0x90, 0x12, 0x34, 0x56};
    static uint8_t message[128];
    uint8_t key[16], pin_key[16], block[16];
    count_begin("key block D, unwrap");
    const bool authentic = unwrap(KEY, BLOCK, sizeof BLOCK - 1, key);
    count_end();
    memcpy(block, PIN_0, 8);
    xor(block, PAN_0, 8);
    tdea2(key, block, block);
    count_result(block, 8);
    for (unsigned i = 0; i < 32; i++) {
        derived(KEY, 0x8000, ID, (uint32_t)1 << i, registers[i]);
    }
    for (uint32_t counter = 1; counter <= STEPS; counter++) {
        count_begin("AES DUKPT next");
        const unsigned at = lowest(counter);
        memcpy(key, registers[at], 16);
        memset(registers[at], 0, 16);
        for (unsigned i = at; i-- > 0;) {
            derived(key, 0x8000, ID, counter | (uint32_t)1 << i, registers[i]);
        }
        count_end();
    }
    count_begin("AES DUKPT PIN key");
    derived(key, 0x1000, ID, STEPS, pin_key);
    count_end();
    count_begin("PIN block, format 4");
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    mbedtls_aes_setkey_enc(&aes, pin_key, 128);
    aes_block(&aes, PIN_4, block);
    xor(block, PAN_4, 16);
    aes_block(&aes, block, block);
    count_end();
    count_result(block, 16);
    memset(message, 0x42, sizeof message);
    opaque(message);
    count_begin("AES CMAC, 128 bytes");
    cmac(KEY, NULL, 0, message, sizeof message, block);
    count_end();
    count_result(block, 16);
    return authentic;
}

static void ciphers(void) {
    uint8_t block[16];
    mbedtls_des_context des;
    count_begin("DES key setup");
    mbedtls_des_setkey_enc(&des, KEY);
    count_end();
    memset(block, 0x42, 16);
    mbedtls_des_crypt_ecb(&des, block, block);
    count_result(block, 8);
    mbedtls_des3_context tdes;
    count_begin("TDEA key setup, two keys");
    mbedtls_des3_set2key_enc(&tdes, KEY);
    count_end();
    memset(block, 0x42, 16);
    count_begin("DES block");
    mbedtls_des_crypt_ecb(&des, block, block);
    count_end();
    memset(block, 0x42, 16);
    count_begin("TDEA block, encipher");
    mbedtls_des3_crypt_ecb(&tdes, block, block);
    count_end();
    count_result(block, 8);
    mbedtls_des3_set2key_dec(&tdes, KEY);
    memset(block, 0x42, 16);
    count_begin("TDEA block, decipher");
    mbedtls_des3_crypt_ecb(&tdes, block, block);
    count_end();
    count_result(block, 8);
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    count_begin("AES-128 key setup");
    mbedtls_aes_setkey_enc(&aes, KEY, 128);
    count_end();
    memset(block, 0x42, 16);
    count_begin("AES-128 block");
    aes_block(&aes, block, block);
    count_end();
    count_result(block, 16);
}

int mbedtls_count(void) {
    ciphers();
    tdea();
    return aes_keys() ? 0 : 1;
}
