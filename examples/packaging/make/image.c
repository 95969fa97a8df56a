/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What every firmware has: memory, a source of random bytes, and a module over them. */
#include <payhsm.h>

void start(void);

static _Alignas(PAYHSM_CTX_ALIGN) uint8_t memory[PAYHSM_CTX_SIZE(4, 1)];
static volatile payhsm_status_t result;

/* The register of a random number generator goes here. */
static payhsm_status_t entropy(void *user, uint8_t *out, size_t len) {
    (void)user;
    (void)out;
    (void)len;
    return PAYHSM_ERR_ENTROPY;
}

void start(void) {
    payhsm_config_t config = {.size = sizeof config, .abi_version = PAYHSM_ABI_VERSION, .slots = 4, .groups = 1};
    payhsm_ctx_t *hsm;

    config.entropy = entropy;
    result = payhsm_init(memory, sizeof memory, &config, &hsm);
    for (;;) {
    }
}
