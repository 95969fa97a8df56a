/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* mbedTLS as small as its DES and AES go, tables in flash. */
#ifndef PEER_CONFIG_H
#define PEER_CONFIG_H

#define MBEDTLS_DES_C
#define MBEDTLS_AES_C
#define MBEDTLS_AES_ROM_TABLES
#define MBEDTLS_CIPHER_MODE_CBC

#endif
