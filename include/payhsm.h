/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Generated from src/capi by scripts/header. Do not edit: a test compares it. */

/*
 * payhsm: a payment security module. docs/C-API.md has the conventions; in short:
 *
 * - every function returns PAYHSM_OK or a negative PAYHSM_ERR_...; on every error outputs are wiped, lengths and handles 0
 *   (but a context that is none or is busy, and buffers that overlap, are refused before anything is written);
 * - bytes are pointer and length, NULL only with length 0; outputs are pointer, capacity and length;
 * - the context lives in your memory; one call at a time for one context; callbacks must not call in again.
 *
 * The contract of pointers, where a function says "C1 to C3":
 * C1 a pointer that is not NULL points to the stated number of readable or writable bytes for the length of the call;
 * C2 nobody else reads or writes that memory, or the context, during the call;
 * C3 outputs overlap nothing, except where the function says so; nothing overlaps the context.
 * "The context's contract": the context is NULL or came from payhsm_init and was not closed; C2. "The context's errors":
 * PAYHSM_ERR_NULL_POINTER, PAYHSM_ERR_MISALIGNED, PAYHSM_ERR_BAD_STATE (not a live context, a call from a callback, or an
 * open component ceremony), PAYHSM_ERR_OVERLAP (C3; the call did nothing), PAYHSM_ERR_TAMPERED.
 *
 * All functions are declared. What the library was not built for (terminal, host, ec) is missing when the program is linked.
 */


#ifndef PAYHSM_H
#define PAYHSM_H

#include <stddef.h>
#include <stdint.h>

/* The result of a function must be looked at. */
#if defined(__GNUC__) || defined(__clang__)
#define PAYHSM_MUST_USE __attribute__((warn_unused_result))
#else
#define PAYHSM_MUST_USE
#endif

/*
 * Bytes of a context without slots and groups, and of a slot. Where addresses have 32 bits it is less, and least for a
 * library without the features `host` and `ec`: who links one defines PAYHSM_TERMINAL_ONLY. If that is not so,
 * payhsm_init finds the memory too short.
 */
#if UINTPTR_MAX > 0xFFFFFFFFU
#define PAYHSM_CTX_BASE_SIZE 5120
#define PAYHSM_SLOT_SIZE 192
#else
#ifdef PAYHSM_TERMINAL_ONLY
#define PAYHSM_CTX_BASE_SIZE 3392
#else
#define PAYHSM_CTX_BASE_SIZE 4736
#endif
#define PAYHSM_SLOT_SIZE 160
#endif

/* Bytes of memory for a context with this many slots and groups; align it to PAYHSM_CTX_ALIGN. */
#define PAYHSM_CTX_SIZE(slots, groups) \
    (PAYHSM_CTX_BASE_SIZE + (size_t)(slots) * PAYHSM_SLOT_SIZE + (size_t)(groups) * PAYHSM_GROUP_SIZE)

/* Errors. The numbers never change. */
#define PAYHSM_ERR_INVALID_ARGUMENT (-100)             /* an argument is outside its domain */
#define PAYHSM_ERR_INVALID_LENGTH (-101)               /* a length is not the one the operation takes */
#define PAYHSM_ERR_BUFFER_TOO_SMALL (-102)             /* the output buffer is too short */
#define PAYHSM_ERR_INVALID_DIGIT (-103)                /* a character is not a decimal digit */
#define PAYHSM_ERR_INVALID_PAN (-104)                  /* the PAN is malformed or has the wrong number of digits */
#define PAYHSM_ERR_INVALID_PIN (-105)                  /* the PIN is malformed */
#define PAYHSM_ERR_INVALID_KEY_LENGTH (-106)           /* the key length does not fit the operation */
#define PAYHSM_ERR_INVALID_KSN (-107)                  /* the KSN is malformed */
#define PAYHSM_ERR_NULL_POINTER (-108)                 /* a pointer is null */
#define PAYHSM_ERR_OVERLAP (-109)                      /* buffers overlap */
#define PAYHSM_ERR_UNSUPPORTED (-110)                  /* not supported by this build */
#define PAYHSM_ERR_ABI_MISMATCH (-111)                 /* header and library versions differ */
#define PAYHSM_ERR_MISALIGNED (-112)                   /* a pointer is misaligned */
#define PAYHSM_ERR_INVALID_HANDLE (-200)               /* the handle names no live object */
#define PAYHSM_ERR_NO_KEY (-201)                       /* the slot holds no key */
#define PAYHSM_ERR_BAD_STATE (-202)                    /* the call does not fit the state */
#define PAYHSM_ERR_USAGE_NOT_PERMITTED (-203)          /* the key's usage does not allow the operation */
#define PAYHSM_ERR_MODE_NOT_PERMITTED (-204)           /* the key's mode of use does not allow the operation */
#define PAYHSM_ERR_ALGORITHM_MISMATCH (-205)           /* the key's algorithm does not fit the operation */
#define PAYHSM_ERR_EXPORT_NOT_PERMITTED (-206)         /* the key may not be exported */
#define PAYHSM_ERR_WEAK_KEY (-207)                     /* the key is weak */
#define PAYHSM_ERR_KEY_STRENGTH (-208)                 /* a key would be protected by or derived from a weaker one */
#define PAYHSM_ERR_SLOTS_FULL (-209)                   /* no free slot */
#define PAYHSM_ERR_RATE_LIMITED (-210)                 /* rate limit */
#define PAYHSM_ERR_PAN_MISMATCH (-211)                 /* the PANs differ */
#define PAYHSM_ERR_FORMAT_NOT_PERMITTED (-212)         /* the PIN block format or translation is not permitted */
#define PAYHSM_ERR_LIMIT_REACHED (-213)                /* a limit is reached */
#define PAYHSM_ERR_REFUSED (-214)                      /* the decision hook refused */
#define PAYHSM_ERR_COUNTER_ZERO (-220)                 /* the transaction counter is zero */
#define PAYHSM_ERR_COUNTER_OVERWEIGHT (-221)           /* the transaction counter has too many one bits */
#define PAYHSM_ERR_COUNTER_REPLAYED (-222)             /* the transaction counter was used before */
#define PAYHSM_ERR_COUNTER_EXHAUSTED (-223)            /* the initial key is exhausted */
#define PAYHSM_ERR_COUNTER_RESERVED (-224)             /* the transaction counter is reserved */
#define PAYHSM_ERR_REGISTER_INVALID (-225)             /* a DUKPT register is empty */
#define PAYHSM_ERR_LOCKED (-230)                       /* locked */
#define PAYHSM_ERR_TAMPERED (-231)                     /* tampered */
#define PAYHSM_ERR_SELF_TEST_FAILED (-232)             /* a self-test failed */
#define PAYHSM_ERR_NOT_AUTHENTICATED (-233)            /* the role is not authenticated */
#define PAYHSM_ERR_EXPIRED (-234)                      /* the key is outside its validity */
#define PAYHSM_ERR_HEX (-300)                          /* malformed hexadecimal */
#define PAYHSM_ERR_BCD (-301)                          /* malformed binary-coded decimal */
#define PAYHSM_ERR_TLV_TAG (-310)                      /* TLV: malformed tag */
#define PAYHSM_ERR_TLV_LENGTH (-311)                   /* TLV: malformed length */
#define PAYHSM_ERR_TLV_VALUE (-312)                    /* TLV: value crosses its container */
#define PAYHSM_ERR_TLV_INDEFINITE (-313)               /* TLV: indefinite length */
#define PAYHSM_ERR_TLV_DEPTH (-314)                    /* TLV: nested too deep */
#define PAYHSM_ERR_TLV_DUPLICATE (-315)                /* TLV: duplicate element */
#define PAYHSM_ERR_TLV_MISSING (-316)                  /* TLV: missing element */
#define PAYHSM_ERR_DOL (-317)                          /* malformed DOL */
#define PAYHSM_ERR_EMV_ELEMENT (-318)                  /* malformed EMV data element */
#define PAYHSM_ERR_IAD (-319)                          /* issuer application data does not fit the profile */
#define PAYHSM_ERR_KEY_BLOCK_LENGTH (-330)             /* key block: length */
#define PAYHSM_ERR_KEY_BLOCK_VERSION (-331)            /* key block: version */
#define PAYHSM_ERR_KEY_BLOCK_USAGE (-332)              /* key block: usage */
#define PAYHSM_ERR_KEY_BLOCK_ALGORITHM (-333)          /* key block: algorithm */
#define PAYHSM_ERR_KEY_BLOCK_MODE (-334)               /* key block: mode of use */
#define PAYHSM_ERR_KEY_BLOCK_KEY_VERSION (-335)        /* key block: key version */
#define PAYHSM_ERR_KEY_BLOCK_EXPORTABILITY (-336)      /* key block: exportability */
#define PAYHSM_ERR_KEY_BLOCK_OPTIONAL_COUNT (-337)     /* key block: number of optional blocks */
#define PAYHSM_ERR_KEY_BLOCK_OPTIONAL (-338)           /* key block: optional block */
#define PAYHSM_ERR_KEY_BLOCK_RESERVED (-339)           /* key block: reserved field */
#define PAYHSM_ERR_KEY_BLOCK_ENCODING (-340)           /* key block: encoding */
#define PAYHSM_ERR_KEY_BLOCK_PAYLOAD (-341)            /* key block: payload length */
#define PAYHSM_ERR_EC_POINT (-350)                     /* not a valid curve point */
#define PAYHSM_ERR_EC_SCALAR (-351)                    /* not a valid scalar */
#define PAYHSM_ERR_SIGNATURE (-352)                    /* malformed signature */
#define PAYHSM_ERR_COMPONENT (-353)                    /* malformed key component */
#define PAYHSM_ERR_CERTIFICATE (-360)                  /* malformed certificate */
#define PAYHSM_ERR_TRACK (-370)                        /* malformed track data */
#define PAYHSM_ERR_RECORD (-390)                       /* malformed record */
#define PAYHSM_ERR_VERIFICATION_FAILED (-400)          /* verification failed */
#define PAYHSM_ERR_ENTROPY (-500)                      /* the entropy source failed */
#define PAYHSM_ERR_STORAGE (-501)                      /* the storage failed */
#define PAYHSM_ERR_STORAGE_INTEGRITY (-502)            /* stored data is damaged */
#define PAYHSM_ERR_INTERNAL (-900)                     /* internal error */

/* The version of the interface. It grows with every change that an old caller would notice. */
#define PAYHSM_ABI_VERSION 1

/* The package's major version. */
#define PAYHSM_VERSION_MAJOR 0
/* The package's minor version. */
#define PAYHSM_VERSION_MINOR 1
/* The package's patch version. */
#define PAYHSM_VERSION_PATCH 0

/* Bytes of a group in a context, on every target. */
#define PAYHSM_GROUP_SIZE 1344

/* The alignment that the memory of a context needs. */
#define PAYHSM_CTX_ALIGN 16

/* State: commands run. */
#define PAYHSM_STATE_OPERATIONAL 1
/* State: a component ceremony is open. */
#define PAYHSM_STATE_LOADING 2
/* State: every key is erased; only a new start helps. */
#define PAYHSM_STATE_TAMPERED 3
/* State: no key came in so far, and the storage has none. The same commands run as in `PAYHSM_STATE_OPERATIONAL`. */
#define PAYHSM_STATE_VIRGIN 4
/* State: locked by an officer or by wrong log-ins; only officers may log in. */
#define PAYHSM_STATE_LOCKED 5
/* State: every DUKPT group in use is at the end of its life. The same commands run as in `PAYHSM_STATE_OPERATIONAL`. */
#define PAYHSM_STATE_EXHAUSTED 6
/* State: a self-test or the source of random bytes failed; nothing goes out until a new start. */
#define PAYHSM_STATE_ERROR 7

/* Policy bit: keys with mode of use N do whatever their usage implies. */
#define PAYHSM_POLICY_MODE_N 1
/* Policy bit: PIN translation to a weaker key. */
#define PAYHSM_POLICY_WEAKER_PIN_KEY 2
/* Policy bit: a KBPK longer than AES-128 from P-256. */
#define PAYHSM_POLICY_LONG_KBPK 4
/* Policy bit: a PIN key that both enciphers and deciphers. */
#define PAYHSM_POLICY_PIN_KEY_BOTH_WAYS 8
/* Policy bit: ISO/IEC 9797-1 algorithm 1 with padding 1 or 2, for protocols that fix the length of messages. */
#define PAYHSM_POLICY_CBC_MAC 16
/* Policy bit: three-key TDEA working keys from an AES-128 initial key. */
#define PAYHSM_POLICY_THREE_KEY_FROM_AES128 32

/*
 * Policy bit: data keys of TDEA DUKPT without the one-way step, or under the PIN variant. In libraries built with
 * `legacy`.
 */
#define PAYHSM_POLICY_LEGACY_DATA_KEY 64
/* Policy bit: one CVK for the values of a track and for the printed one. */
#define PAYHSM_POLICY_SHARED_CVK (1 << 11)
/* Policy bit: key blocks of versions A and C under `"K0"` keys, in libraries built with `legacy`. */
#define PAYHSM_POLICY_LEGACY_KEY_BLOCKS (1 << 15)
/* Policy bit: keys that a weaker key once protected, as their key block says. */
#define PAYHSM_POLICY_WEAK_PEDIGREE (1 << 16)
/* Policy bit: keys of exportability `'S'` leave in key blocks. */
#define PAYHSM_POLICY_EXPORT_SENSITIVE (1 << 17)
/* Policy bit: key check values of 2 to 5 bytes are compared; else of 3 and 5. */
#define PAYHSM_POLICY_KEY_CHECK_LENGTHS (1 << 18)
/* Policy bit: application cryptograms over bytes that the caller gives, and as he says. */
#define PAYHSM_POLICY_RAW_CRYPTOGRAM (1 << 23)
/* Policy bit: explanations of application cryptograms. */
#define PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM (1 << 24)
/* Policy bit: working keys enciphered by ECB under a KEK come in. */
#define PAYHSM_POLICY_LEGACY_IMPORT (1 << 19)
/* Policy bit: a KBPK is agreed with a peer that proves nothing. */
#define PAYHSM_POLICY_UNAUTHENTICATED_AGREEMENT (1 << 20)
/* Policy bit: the profile of UnionPay terminals: its "ECB MAC" under M0 and M1 keys, and the encipherment of track 2. */
#define PAYHSM_POLICY_UNIONPAY (1 << 12)
/* Policy bit: ECB under data keys. */
#define PAYHSM_POLICY_ECB_DATA (1 << 13)
/* Policy bit: MAC keys of single DES. */
#define PAYHSM_POLICY_SINGLE_DES (1 << 14)
/* Policy bit: PIN blocks of format 1, which are bound to no PAN, are made and translated. */
#define PAYHSM_POLICY_PIN_FORMAT_1 128
/* Policy bit: PINs are verified from blocks of format 1. */
#define PAYHSM_POLICY_PIN_VERIFY_FORMAT_1 256
/* Policy bit: new PINs may be one digit throughout or a run. */
#define PAYHSM_POLICY_TRIVIAL_PINS 512
/* Policy bit: keys whose last day of use is over verify and decipher what was made before. */
#define PAYHSM_POLICY_EXPIRED_KEYS (1 << 22)
/* Policy bit: PINs that are enciphered for the card in the terminal. */
#define PAYHSM_POLICY_OFFLINE_PIN (1 << 27)
/* Policy bit: PINs that go to the card in clear. */
#define PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN (1 << 28)
/* Policy bit: data under the PIN variant of TDEA DUKPT; at a host it deciphers PIN blocks of the same initial keys. */
#define PAYHSM_POLICY_LEGACY_PIN_VARIANT_DATA (1 << 29)
/* Policy bit: data are enciphered again under a weaker key. */
#define PAYHSM_POLICY_WEAKER_DATA_KEY (1 << 30)

/* Length of the fingerprint of a card, in bytes. */
#define PAYHSM_FINGERPRINT_LEN 8

/* Question: may a PIN of this card be verified? */
#define PAYHSM_ASK_PIN_VERIFY 1
/* Question: was this DUKPT counter not seen before? */
#define PAYHSM_ASK_DUKPT_COUNTER 2
/* Question: is this ATC new for the card? */
#define PAYHSM_ASK_ATC 3
/* Question: may a component ceremony open for a key of this usage? */
#define PAYHSM_ASK_CEREMONY 4
/* Question: may a PIN block of this card be translated? */
#define PAYHSM_ASK_PIN_TRANSLATE 5
/* Question: may a card verification value of this card be made or verified? */
#define PAYHSM_ASK_CARD_VALUE 16
/* Question: may this card's application cryptogram be explained? */
#define PAYHSM_ASK_CRYPTOGRAM_EXPLAIN 30

/*
 * Question: does this public key belong to the party of that identity? `subject`: the public key, 65 bytes, and behind
 * it the identity.
 */
#define PAYHSM_ASK_PEER_KEY 22
/* Question: may keys be taken from the owner of this public key, who proves nothing? */
#define PAYHSM_ASK_UNAUTHENTICATED_TAKE 23
/* Question: may keys be given to the owner of this public key, who proves nothing? */
#define PAYHSM_ASK_UNAUTHENTICATED_GIVE 24
/* Question: may a PIN of this card be made, computed or given a PVV or an offset? */
#define PAYHSM_ASK_PIN_ISSUE 12
/* Question: may the PIN of this card be changed, if the old one is right? It counts as a try. */
#define PAYHSM_ASK_PIN_CHANGE 13
/* Question: may this profile be registered: are two people here who may do it? */
#define PAYHSM_ASK_PIN_PROFILE 14
/* Question: may a command of an issuer script be written for this card? */
#define PAYHSM_ASK_SCRIPT 31
/* Question: may a working key of this usage and mode of use come in by ECB? */
#define PAYHSM_ASK_WORKING_KEY 25
/* Question: may a session of this owner be opened? `counter`: the owner. */
#define PAYHSM_ASK_SESSION 51
/* Question: may the counts of persistent limits begin anew: are two people here who may do it? */
#define PAYHSM_ASK_LIMITS_RESET 52
/* Question: may the verification key of the audit log leave? */
#define PAYHSM_ASK_AUDIT_KEY 53
/* Question: may the keys of a backup come back? `counter`: `PAYHSM_RESTORE_...` bits. `subject`: its number, 8 bytes. */
#define PAYHSM_ASK_RESTORE 54

/* The backup is of another device. */
#define PAYHSM_RESTORE_OTHER_DEVICE 1
/* The backup is older than the last. */
#define PAYHSM_RESTORE_OLDER 2

/* Question: may the audit log be released up to a record? `subject`: the record's number, 8 bytes. */
#define PAYHSM_ASK_AUDIT_RELEASE 50
/* Question: is this the finger, face or card of the user who logs in? `counter`: the user; `subject`: the role, one byte. */
#define PAYHSM_ASK_SECOND_FACTOR 40
/* Question: may this user be enrolled, the first or second officer? `counter`: the user; `subject`: the role, one byte. */
#define PAYHSM_ASK_ENROL 41

/*
 * Question: may the module be made anew? `counter`: groups whose memory of used initial keys is lost; `subject`: one byte,
 * 1 if a tamper event or damage made it so.
 */
#define PAYHSM_ASK_REINITIALISE 42

/*
 * Question: are two people here who may do this, as no officers are enrolled? `counter`: 1 policy, 2 unlock,
 * 3 re-initialisation, 4 restore.
 */
#define PAYHSM_ASK_DUAL_CONTROL 43

/* Length of the key that seals stored records, in bytes. */
#define PAYHSM_STORAGE_KEY_LEN 32

/* No limit: `burst` of `payhsm_rate_t`. */
#define PAYHSM_RATE_UNLIMITED 4294967295

/* The first command after a start that needs an algorithm runs its test. */
#define PAYHSM_SELF_TESTS_FIRST_USE 0
/* A command that needs an algorithm which was not tested since the start is refused. */
#define PAYHSM_SELF_TESTS_REFUSE 1
/* Never. */
#define PAYHSM_SELF_TESTS_OFF 2

/* Bytes that are ready for use. They are used as they come; only a byte that repeats nine times is taken for a failure. */
#define PAYHSM_ENTROPY_READY 0
/* Bytes that are ready for use and seed a generator (ChaCha20) once a start; the module draws from that. */
#define PAYHSM_ENTROPY_SEED 1
/* Samples of a noise source as they are digitised: they pass the health tests of SP 800-90B and seed the generator. */
#define PAYHSM_ENTROPY_RAW 2

/* Role: security officer: policy, roles, life cycle. */
#define PAYHSM_ROLE_OFFICER 1
/* Role: custodian: enters key components. */
#define PAYHSM_ROLE_CUSTODIAN 2
/* Role: operator: transactions. */
#define PAYHSM_ROLE_OPERATOR 3
/* Role: auditor: reads and releases the log. */
#define PAYHSM_ROLE_AUDITOR 4
/* Role: remote host: key blocks and what else brings keys by cryptography. */
#define PAYHSM_ROLE_HOST 5

/* Users have numbers from 1 to this. */
#define PAYHSM_USERS 12

/* How many users may be logged in at a time. */
#define PAYHSM_SESSIONS 4

/* Length of a log-in challenge in bytes. */
#define PAYHSM_CHALLENGE_LEN 32

/* Length of the response to a challenge in bytes. */
#define PAYHSM_RESPONSE_LEN 16

/* Second factor: none. */
#define PAYHSM_FACTOR_NONE 0
/* Second factor: the decision callback (`PAYHSM_ASK_SECOND_FACTOR`). */
#define PAYHSM_FACTOR_PLATFORM 1
/* Second factor: a one-time code of RFC 6238. */
#define PAYHSM_FACTOR_CODE 2

/* Hash of a one-time code: SHA-1. In libraries built with `host` or `oda`. */
#define PAYHSM_CODE_SHA1 1
/* Hash of a one-time code: SHA-256. */
#define PAYHSM_CODE_SHA256 2
/* Hash of a one-time code: SHA-512. */
#define PAYHSM_CODE_SHA512 3

/* Self-test: what the platform says of the code's integrity; counts only with that callback. */
#define PAYHSM_TEST_INTEGRITY 1
/* Self-test: TDEA with two and three keys. */
#define PAYHSM_TEST_TDEA (1 << 1)
/* Self-test: AES-128, AES-192, AES-256. */
#define PAYHSM_TEST_AES (1 << 2)
/* Self-test: CMAC over TDEA and AES. */
#define PAYHSM_TEST_CMAC (1 << 3)
/* Self-test: ISO/IEC 9797-1 algorithm 3. */
#define PAYHSM_TEST_RETAIL_MAC (1 << 4)
/* Self-test: SHA-256. */
#define PAYHSM_TEST_SHA2 (1 << 5)
/* Self-test: HMAC with SHA-256. */
#define PAYHSM_TEST_HMAC (1 << 6)
/* Self-test: DUKPT with TDEA keys. */
#define PAYHSM_TEST_DUKPT_TDEA (1 << 7)
/* Self-test: DUKPT with AES keys. */
#define PAYHSM_TEST_DUKPT_AES (1 << 8)
/* Self-test: key blocks of version B. */
#define PAYHSM_TEST_KEY_BLOCK_B (1 << 9)
/* Self-test: key blocks of version D. */
#define PAYHSM_TEST_KEY_BLOCK_D (1 << 10)
/* Self-test: PIN blocks of format 0. */
#define PAYHSM_TEST_PIN_FORMAT_0 (1 << 11)
/* Self-test: PIN blocks of format 4. */
#define PAYHSM_TEST_PIN_FORMAT_4 (1 << 12)
/* Self-test: the generator of random bytes. */
#define PAYHSM_TEST_GENERATOR (1 << 13)
/* Self-test: HKDF. In libraries built with `ec`. */
#define PAYHSM_TEST_HKDF (1 << 14)
/* Self-test: key agreement over P-256. In libraries built with `ec`. */
#define PAYHSM_TEST_ECDH (1 << 15)
/* Self-test: making a signature over P-256. In libraries built with `ec`. */
#define PAYHSM_TEST_ECDSA_SIGN (1 << 16)
/* Self-test: verifying one. In libraries built with `ec`. */
#define PAYHSM_TEST_ECDSA_VERIFY (1 << 17)
/* Self-tests: all that the library has. */
#define PAYHSM_TEST_ALL 4294967295

/* The longest key check value, in bytes. */
#define PAYHSM_KCV_MAX_LEN 5

/* Key-block profile: ANSI X9.143:2021 to the letter. */
#define PAYHSM_PROFILE_X9_143_STRICT 1
/* Key-block profile: what payment HSMs emit (TR-31:2018). */
#define PAYHSM_PROFILE_TR31_2018 2
/* Key-block profile: ISO 20038, version E. */
#define PAYHSM_PROFILE_ISO20038 3

/*
 * The longest key block without optional blocks of the caller, in characters: 16 of header, 64 of check values and of
 * what came with the key, 2 for each of 128 payload bytes (a key pair; 48 for others), 32 of authenticator.
 */
#define PAYHSM_KEY_BLOCK_MAX_LEN (((16 + 64) + 256) + 32)

/* Export: with the key's check value (optional block KC). */
#define PAYHSM_EXPORT_KEY_CHECK 1
/* Export: with the protection key's check value (optional block KP). */
#define PAYHSM_EXPORT_KBPK_CHECK (1 << 1)
/* Export: for exchange only (key context 2). */
#define PAYHSM_EXPORT_EXCHANGE_ONLY (1 << 2)

/* Check value: leftmost bytes of one enciphered zero block. */
#define PAYHSM_CHECK_LEGACY 1
/* Check value: leftmost bytes of the CMAC of one zero block. */
#define PAYHSM_CHECK_CMAC 2

/* UnionPay sign-on answer of 24 bytes: keys of single length. */
#define PAYHSM_SIGN_ON_SINGLE 1
/* UnionPay sign-on answer of 40 bytes: keys of double length; the MAC key may be of single length. */
#define PAYHSM_SIGN_ON_DOUBLE 2
/* UnionPay sign-on answer of 60 bytes: keys of double length and a track key. */
#define PAYHSM_SIGN_ON_DOUBLE_TRACK 3

/* Length of the host's first message of an agreement, in bytes. */
#define PAYHSM_AGREEMENT_M1_LEN 81
/* Length of the terminal's answer, in bytes. */
#define PAYHSM_AGREEMENT_M2_LEN 102
/* Length of the host's confirmation, in bytes. */
#define PAYHSM_AGREEMENT_M3_LEN 16
/* Length of the terminal's answer with a signature, in bytes. */
#define PAYHSM_AGREEMENT_SIGNED_M2_LEN 150
/* Length of the host's confirmation with a signature, in bytes. */
#define PAYHSM_AGREEMENT_SIGNED_M3_LEN 64

/* Length of a public key of P-256, `04 || X || Y`, in bytes. */
#define PAYHSM_EC_PUBLIC_LEN 65

/* Key derivation: ANSI X9.63 with SHA-256. */
#define PAYHSM_KDF_X963_SHA256 1
/* Key derivation: ANSI X9.63 with SHA-384. */
#define PAYHSM_KDF_X963_SHA384 2
/* Key derivation: ANSI X9.63 with SHA-512. */
#define PAYHSM_KDF_X963_SHA512 3
/* Key derivation: one-step of SP 800-56C with SHA-256. */
#define PAYHSM_KDF_ONE_STEP_SHA256 4
/* Key derivation: one-step of SP 800-56C with SHA-384. */
#define PAYHSM_KDF_ONE_STEP_SHA384 5
/* Key derivation: one-step of SP 800-56C with SHA-512. */
#define PAYHSM_KDF_ONE_STEP_SHA512 6

/* Length of a KSN of DUKPT with TDEA keys, in bytes. */
#define PAYHSM_DUKPT_TDES_KSN_LEN 10
/* Length of a KSN of DUKPT with AES keys, in bytes. */
#define PAYHSM_DUKPT_AES_KSN_LEN 12

/* The longest KSN, in bytes. */
#define PAYHSM_KSN_MAX_LEN 12

/* Working key: PIN encryption. */
#define PAYHSM_WORKING_PIN 1
/* Working key: MACs, one key for requests and one for responses. */
#define PAYHSM_WORKING_MAC 2
/* Working key: MACs, one key for both ways. */
#define PAYHSM_WORKING_MAC_BOTH 3
/* Working key: data, one key for requests and one for responses. */
#define PAYHSM_WORKING_DATA 4
/* Working key: data, one key for both ways. */
#define PAYHSM_WORKING_DATA_BOTH 5

/*
 * Working key: data under the TDEA variant without the one-way step, as some older devices do. In libraries built with
 * `legacy`, by `PAYHSM_POLICY_LEGACY_DATA_KEY`.
 */
#define PAYHSM_WORKING_LEGACY_DATA_VARIANT 6

/*
 * Working key: data under the TDEA PIN variant, as some older card readers do; the transaction serves no PIN then. In
 * libraries built with `legacy`, by `PAYHSM_POLICY_LEGACY_DATA_KEY`.
 */
#define PAYHSM_WORKING_LEGACY_DATA_UNDER_PIN_VARIANT 7

/* Key type: two-key TDEA. */
#define PAYHSM_KEY_TYPE_TDES2 1
/* Key type: three-key TDEA. */
#define PAYHSM_KEY_TYPE_TDES3 2
/* Key type: AES-128. */
#define PAYHSM_KEY_TYPE_AES128 3
/* Key type: AES-192. */
#define PAYHSM_KEY_TYPE_AES192 4
/* Key type: AES-256. */
#define PAYHSM_KEY_TYPE_AES256 5
/* Key type: HMAC with 16 bytes. */
#define PAYHSM_KEY_TYPE_HMAC128 6
/* Key type: HMAC with 24 bytes. */
#define PAYHSM_KEY_TYPE_HMAC192 7
/* Key type: HMAC with 32 bytes. */
#define PAYHSM_KEY_TYPE_HMAC256 8

/* The most digits of a PAN. */
#define PAYHSM_PAN_MAX_LEN 19

/* PIN block format: ISO 9564-1 format 0, 8 bytes. */
#define PAYHSM_PIN_FORMAT_0 0
/* PIN block format: ISO 9564-1 format 1, 8 bytes, bound to no PAN: `PAYHSM_POLICY_PIN_FORMAT_1`. */
#define PAYHSM_PIN_FORMAT_1 1
/* PIN block format: ISO 9564-1 format 3, 8 bytes. */
#define PAYHSM_PIN_FORMAT_3 3
/* PIN block format: ISO 9564-1 format 4, 16 bytes, AES. */
#define PAYHSM_PIN_FORMAT_4 4
/* The longest enciphered PIN block, in bytes. */
#define PAYHSM_PIN_BLOCK_MAX_LEN 16

/* MAC method: ANSI X9.19 retail MAC, that is ISO/IEC 9797-1 algorithm 3 with padding method 1. */
#define PAYHSM_MAC_X9_19 1
/* MAC method: ISO/IEC 9797-1 algorithm 3 with padding method 2. */
#define PAYHSM_MAC_ALG3_PAD2 2
/* MAC method: ISO/IEC 9797-1 algorithm 1 with padding method 1. */
#define PAYHSM_MAC_ALG1_PAD1 3
/* MAC method: ISO/IEC 9797-1 algorithm 1 with padding method 2. */
#define PAYHSM_MAC_ALG1_PAD2 4
/* MAC method: CMAC. */
#define PAYHSM_MAC_CMAC 5
/* MAC method: HMAC with SHA-256. */
#define PAYHSM_MAC_HMAC_SHA256 6
/* MAC method: HMAC with SHA-384. */
#define PAYHSM_MAC_HMAC_SHA384 7
/* MAC method: HMAC with SHA-512. */
#define PAYHSM_MAC_HMAC_SHA512 8
/* MAC method: the "ECB MAC" of UnionPay terminals, 8 characters. It does not see blocks that change places. */
#define PAYHSM_MAC_UNIONPAY 9

/*
 * MAC method: ISO/IEC 9797-1 algorithm 1 with padding method 3. A message in parts begins with
 * `payhsm_mac_begin_sized`.
 */
#define PAYHSM_MAC_ALG1_PAD3 10

/*
 * MAC method: ISO/IEC 9797-1 algorithm 3 with padding method 3. A message in parts begins with
 * `payhsm_mac_begin_sized`.
 */
#define PAYHSM_MAC_ALG3_PAD3 11
/* Purpose: a MAC is made. */
#define PAYHSM_MAC_GENERATE 1
/* Purpose: a MAC is checked. */
#define PAYHSM_MAC_VERIFY 2
/* The longest MAC, in bytes. */
#define PAYHSM_MAC_MAX_LEN 64

/* Kind of cryptogram: declined offline. */
#define PAYHSM_CRYPTOGRAM_AAC 0
/* Kind of cryptogram: approved offline. */
#define PAYHSM_CRYPTOGRAM_TC 1
/* Kind of cryptogram: online authorisation asked for. */
#define PAYHSM_CRYPTOGRAM_ARQC 2

/* Most issuer application data, in bytes. */
#define PAYHSM_IAD_MAX_LEN 32

/* Method: static data authentication. */
#define PAYHSM_ODA_SDA 1
/* Method: dynamic data authentication. */
#define PAYHSM_ODA_DDA 2
/* Method: combined data authentication and generation of the cryptogram. */
#define PAYHSM_ODA_CDA 3
/* Method: fast dynamic data authentication of contactless cards, format 01. */
#define PAYHSM_ODA_FDDA 4

/* The longest modulus of a CA key, in bytes. */
#define PAYHSM_CA_KEY_MAX_LEN 248

/* The longest enciphered offline PIN, in bytes. */
#define PAYHSM_OFFLINE_PIN_MAX_LEN 248

/* Length of an entry of a revocation list, in bytes: RID, index, and the serial number of the issuer's certificate. */
#define PAYHSM_REVOKED_LEN 9

/* Length of a PIN in clear for the card, and of the card's answer to GET CHALLENGE, in bytes. */
#define PAYHSM_OFFLINE_PIN_BLOCK_LEN 8

/* Length of a replay window, in bytes. */
#define PAYHSM_REPLAY_WINDOW_LEN 28
/* The most transactions that a replay window looks back. */
#define PAYHSM_REPLAY_MAX_BACK 64

/* Length of a PVV, in ASCII digits. */
#define PAYHSM_PVV_LEN 4

/* The longest offset, in ASCII digits. */
#define PAYHSM_OFFSET_MAX_LEN 12

/* Card scheme: Visa. */
#define PAYHSM_SCHEME_VISA 1
/* Card scheme: Mastercard. */
#define PAYHSM_SCHEME_MASTERCARD 2
/* Card scheme: Interac. */
#define PAYHSM_SCHEME_INTERAC 3
/* Card scheme: UnionPay. */
#define PAYHSM_SCHEME_UNIONPAY 4
/* Card scheme: JCB. */
#define PAYHSM_SCHEME_JCB 5
/* Card scheme: American Express. */
#define PAYHSM_SCHEME_AMERICAN_EXPRESS 6
/* Card scheme: Discover. */
#define PAYHSM_SCHEME_DISCOVER 7
/* EMV common core definitions, whichever scheme has issued the card; the version number is the common core identifier. */
#define PAYHSM_SCHEME_COMMON_CORE 8

/* Derivation of card keys: EMV option A, parity as it falls (PBOC, UnionPay). */
#define PAYHSM_MASTER_KEY_PBOC 3
/* Derivation of card keys: EMV option C, for AES cards. */
#define PAYHSM_MASTER_KEY_C 4

/* Session key: none, the card's master key. */
#define PAYHSM_SESSION_KEY_NONE 1
/* Session key: EMV common session key, from the ATC. */
#define PAYHSM_SESSION_KEY_COMMON 2
/* Session key: M/Chip, from ATC and unpredictable number. */
#define PAYHSM_SESSION_KEY_MCHIP 3
/* Session key: UnionPay and PBOC, from the ATC. */
#define PAYHSM_SESSION_KEY_UNIONPAY 4

/* Key of the issuer's answer: the card's master key. */
#define PAYHSM_ARPC_KEY_MASTER 1
/* Key of the issuer's answer: the session key. */
#define PAYHSM_ARPC_KEY_SESSION 2

/* The longest explanation of a cryptogram, in bytes of text. */
#define PAYHSM_EXPLANATION_MAX_LEN 2048

/* The longest issuer authentication data (tag 91), in bytes. */
#define PAYHSM_ISSUER_AUTH_MAX_LEN 16

/* Script command: APPLICATION BLOCK. */
#define PAYHSM_SCRIPT_APPLICATION_BLOCK 1
/* Script command: APPLICATION UNBLOCK. */
#define PAYHSM_SCRIPT_APPLICATION_UNBLOCK 2
/* Script command: CARD BLOCK. */
#define PAYHSM_SCRIPT_CARD_BLOCK 3
/* Script command: PIN CHANGE/UNBLOCK that resets the try counter and leaves the PIN. */
#define PAYHSM_SCRIPT_PIN_UNBLOCK 4
/* Script command: PUT DATA; its place is the tag. */
#define PAYHSM_SCRIPT_PUT_DATA 5
/* Script command: UPDATE RECORD; its place is `sfi << 8 | record`. */
#define PAYHSM_SCRIPT_UPDATE_RECORD 6
/* The longest command of a script, in bytes. */
#define PAYHSM_SCRIPT_COMMAND_MAX_LEN 260

/* The longest PIN CHANGE/UNBLOCK command with a new PIN, in bytes. */
#define PAYHSM_PIN_CHANGE_MAX_LEN 29

/* The longest message of an authorisation in a batch, in bytes. */
#define PAYHSM_BATCH_FIELD55_MAX_LEN 256

/* Card verification value: CVV or CVC1 of the magnetic stripe; the service code is the track's. */
#define PAYHSM_CVV_STRIPE 1
/* Card verification value: CVV2 or CVC2, printed; expiry taken as YYMM (Visa). */
#define PAYHSM_CVV_PRINTED_YYMM 2
/* Card verification value: CVV2 or CVC2, printed; expiry taken as MMYY. */
#define PAYHSM_CVV_PRINTED_MMYY 3
/* Card verification value: iCVV or Chip CVC. */
#define PAYHSM_CVV_CHIP 4

/* Derivation of card keys: EMV option A. */
#define PAYHSM_MASTER_KEY_A 1
/* Derivation of card keys: EMV option B. */
#define PAYHSM_MASTER_KEY_B 2

/* Length of an expiry date, in ASCII digits. */
#define PAYHSM_EXPIRY_LEN 4

/* Length of a reader's unpredictable number, in bytes. */
#define PAYHSM_UN_LEN 4

/* The longest card verification value, in ASCII digits. */
#define PAYHSM_CARD_VALUE_MAX_LEN 5

/* The key ends with its session. */
#define PAYHSM_BOUND_SESSION 1
/* The key comes back at the next start. */
#define PAYHSM_BOUND_STORED 2
/* Today is a day of use. */
#define PAYHSM_BOUND_VALID 4

/* Length of a record of the audit log, in bytes. */
#define PAYHSM_AUDIT_RECORD_LEN 80
/* Length of the tag of a record, in bytes. */
#define PAYHSM_AUDIT_TAG_LEN 16

/* Length of a status message, in bytes. */
#define PAYHSM_STATUS_MESSAGE_LEN 92

/* When the log is full, commands that would be logged are refused. */
#define PAYHSM_AUDIT_STOP 0
/* When the log is full, the oldest records go, and a record says so. */
#define PAYHSM_AUDIT_OVERWRITE 1

/* A context. Its memory is the caller's, its content is the library's. */
typedef struct payhsm_ctx_t payhsm_ctx_t;

/* What every function returns: 0 for success, or the negative number of an error. The numbers never change. */
typedef int32_t payhsm_status_t;

/* Fills `out` with `len` random bytes that nobody can predict; 0 if it could. */
typedef payhsm_status_t (*payhsm_entropy_fn_t)(void *user,
                                               uint8_t *out,
                                               size_t len);

/*
 * Reads record `id` into `out` of `capacity` bytes and sets `*len`, 0 if there is no such record; returns 0 if it
 * could.
 */
typedef payhsm_status_t (*payhsm_storage_load_fn_t)(void *user,
                                                    uint32_t id,
                                                    uint8_t *out,
                                                    size_t capacity,
                                                    size_t *len);

/* Writes record `id` whole, in place of what it was; returns 0 only when it would survive a loss of power. */
typedef payhsm_status_t (*payhsm_storage_save_fn_t)(void *user,
                                                    uint32_t id,
                                                    const uint8_t *data,
                                                    size_t len);

/* Removes record `id`, so that its bytes cannot be read again; returns 0 also if there is none. */
typedef payhsm_status_t (*payhsm_storage_erase_fn_t)(void *user,
                                                     uint32_t id);

/* What the module asks the decision callback. */
typedef struct {
    /* `PAYHSM_ASK_...`. */
    uint32_t kind;
    /* The counter or ATC; 0 for a PIN. */
    uint32_t counter;
    /*
     * The PAN's digits, values 0 to 9; the initial key identifier; the usage of the key of a ceremony, two characters, of a
     * working key with its mode of use behind; a
     * public key, `04 || X || Y`; or a PIN profile: 16 digits of the table, then the six numbers of
     * `payhsm_pin_profile_t`. Valid during the call only.
     */
    const uint8_t *subject;
    /* Its length. */
    size_t subject_len;
    /*
     * Of questions about a card the 11 digits left of the PAN's check digit, values 0 to 9: what every computation takes
     * in. Count tries and remember counters by these, not by the PAN, which is what the caller says. Otherwise zero.
     */
    uint8_t account[11];
    /*
     * Of questions about a card its fingerprint: the same for every PAN with the same `account`, under a key of the
     * device, or without a storage key one of this start. Who counts by it keeps no account numbers. Otherwise zero.
     */
    uint8_t fingerprint[PAYHSM_FINGERPRINT_LEN];
} payhsm_question_t;

/*
 * Decides; 0 lets the command go on. `PAYHSM_ERR_RATE_LIMITED`, and `PAYHSM_ERR_COUNTER_REPLAYED` on a DUKPT counter, are
 * passed on to the caller; anything else refuses with `PAYHSM_ERR_REFUSED`.
 */
typedef payhsm_status_t (*payhsm_decide_fn_t)(void *user,
                                              const payhsm_question_t *question);

/* Writes the milliseconds of a clock that runs while the device is on and is never set back; 0 if it could. */
typedef payhsm_status_t (*payhsm_tick_fn_t)(void *user,
                                            uint64_t *milliseconds);

/* How often something may happen. A field of 0 stands for its default. */
typedef struct {
    /* How many may follow each other without a pause; `PAYHSM_RATE_UNLIMITED`: no limit at all. */
    uint32_t burst;
    /* Milliseconds until there may be one more. A start brings one. */
    uint32_t interval_ms;
    /* How many between two starts if there is no clock. */
    uint32_t per_start;
} payhsm_rate_t;

/*
 * Reads `len` bytes at `address` into `out`; 0 if it could, another number for what cannot be read. `address`, counted
 * from the first byte of the flash that the module has, and `len` are multiples of 16.
 */
typedef payhsm_status_t (*payhsm_flash_read_fn_t)(void *user,
                                                  uint32_t address,
                                                  uint8_t *out,
                                                  size_t len);

/*
 * Programs `len` bytes, at most 64, at `address`: bits go from 1 to 0, whole words at a time. Both are multiples of 16; what
 * is programmed may cross the end of a page. Returns 0 only when it would survive a loss of power.
 */
typedef payhsm_status_t (*payhsm_flash_program_fn_t)(void *user,
                                                     uint32_t address,
                                                     const uint8_t *data,
                                                     size_t len);

/* Erases the page that begins at `address`: every byte becomes FF. Returns 0 only when it is done. */
typedef payhsm_status_t (*payhsm_flash_erase_fn_t)(void *user,
                                                   uint32_t address);

/*
 * NOR flash that the module has for itself. Set it to zero, then the fields.
 *
 * The pages, from the first on: `record_pages` for one bank of records, as many for the other; then for each DUKPT group
 * `area_pages` for one area of its journal, and as many for the other. docs/STORAGE.md says how many are needed.
 */
typedef struct {
    /* `sizeof(payhsm_flash_t)`. */
    uint32_t size;
    /* Bytes that are erased together, 256 to 1048576, a multiple of 16. */
    uint32_t page_size;
    /* Pages. */
    uint32_t pages;
    /* Bytes that are programmed together: 1, 2, 4, 8 or 16. */
    uint32_t program_word;
    /*
     * Not 0: a programmed word may be programmed again, to zeros or to what it holds. Used keys are cleared in place
     * then; otherwise they stay, sealed, until their page is erased.
     */
    uint32_t word_rewritable;
    /* Added to every address that the callbacks get. */
    uint32_t base;
    /* Pages of each of the two banks of records. */
    uint32_t record_pages;
    /* DUKPT groups that have areas, from group 0 on; the others are kept in records. */
    uint32_t groups;
    /* Pages of each of the two areas of a group. */
    uint32_t area_pages;
    /* 0. */
    uint32_t reserved;
    /* Reads; must not be `NULL`. */
    payhsm_flash_read_fn_t read;
    /* Programs; must not be `NULL`. */
    payhsm_flash_program_fn_t program;
    /* Erases; must not be `NULL`. */
    payhsm_flash_erase_fn_t erase;
    /* Given to these three callbacks. */
    void *user;
} payhsm_flash_t;

/* Writes the value of a counter that is never set back, also not by a loss of power; 0 if it could. */
typedef payhsm_status_t (*payhsm_monotonic_read_fn_t)(void *user,
                                                      uint64_t *value);

/* Advances that counter by `by`, at least 1; returns 0 only when the new value would survive a loss of power. */
typedef payhsm_status_t (*payhsm_monotonic_advance_fn_t)(void *user,
                                                         uint64_t by);

/* Writes the seconds since 1970-01-01 UTC; 0 if it could. */
typedef payhsm_status_t (*payhsm_time_fn_t)(void *user,
                                            uint64_t *seconds);

/* Judges whether the code in memory is what it should be: 0 if it is. */
typedef payhsm_status_t (*payhsm_integrity_fn_t)(void *user);

/*
 * What the device gives, and how the module is set up. Set it to zero, then the fields.
 *
 * Callbacks run inside calls of the library, on its stack. They must not call the library with the same context.
 */
typedef struct {
    /* `sizeof(payhsm_config_t)`. */
    uint32_t size;
    /* `PAYHSM_ABI_VERSION`. */
    uint32_t abi_version;
    /* Key slots, 1 to 256. */
    uint32_t slots;
    /* DUKPT groups, 0 to 256. */
    uint32_t groups;
    /* `PAYHSM_POLICY_...` bits. */
    uint32_t policy;
    /*
     * Minutes after which a component ceremony that is still open is over, at most 65535; 0: 15. Without `tick` it lasts
     * until it ends by itself or is aborted.
     */
    uint32_t ceremony_minutes;
    /*
     * 32 bytes that seal stored records, unique to the device; copied. `NULL`: nothing is stored, and no DUKPT
     * initial key can be loaded.
     */
    const uint8_t *storage_key;
    /* Given to every callback. */
    void *user;
    /*
     * Random bytes; must not be `NULL`. An error is the error of the call that asked; with a source that seeds a generator
     * (`PAYHSM_ENTROPY_SEED`, `PAYHSM_ENTROPY_RAW`) it ends every output until the next start.
     */
    payhsm_entropy_fn_t entropy;
    /* Storage; all three or none. */
    payhsm_storage_load_fn_t storage_load;
    /* Storage. */
    payhsm_storage_save_fn_t storage_save;
    /* Storage. */
    payhsm_storage_erase_fn_t storage_erase;
    /* Decisions; `NULL` refuses all of them. */
    payhsm_decide_fn_t decide;
    /* The clock; `NULL` without one: limits over time then count what happens since the start. */
    payhsm_tick_fn_t tick;
    /* PINs that are enciphered at this terminal. Default: 10 at once, one in 30 seconds on average, 120 without a clock. */
    payhsm_rate_t pin_entry;
    /*
     * PIN commands of a host, of all cards together. All zero: no limit; the decision callback is asked each time. Otherwise a
     * field of 0 has the default of `pin_entry`.
     */
    payhsm_rate_t pin_host;
    /* What `entropy` gives: `PAYHSM_ENTROPY_READY` (0), `PAYHSM_ENTROPY_SEED` or `PAYHSM_ENTROPY_RAW`. */
    uint32_t entropy_source;
    /* With `PAYHSM_ENTROPY_RAW`: the min-entropy of one byte in whole bits, 1 to 8; otherwise 0. */
    uint32_t entropy_bits;
    /*
     * Storage in NOR flash, in place of the three storage callbacks; `NULL` without. Copied. Its callbacks must be good
     * until `payhsm_close`.
     */
    const payhsm_flash_t *flash;
    /*
     * A counter that is never set back, with which an older image of the storage is seen; both or none. It counts from 0
     * for a device whose storage is empty.
     */
    payhsm_monotonic_read_fn_t monotonic_read;
    /* Advances that counter. */
    payhsm_monotonic_advance_fn_t monotonic_advance;
    /* When algorithms are tested: `PAYHSM_SELF_TESTS_...`; 0: at their first use. */
    uint32_t self_tests;
    /*
     * Hours after which all self-tests must have run again, or commands that need one are refused, at most 65535; 0: never.
     * Needs `tick`.
     */
    uint32_t self_test_hours;
    /* Wrong log-ins in a row, 3 to 10, after which tries must wait; 0: 5. */
    uint32_t login_tries;
    /* Minutes without a command after which a user is logged out, at most 65535; 0: 15. Needs `tick`. */
    uint32_t idle_minutes;
    /* The time of day, from a clock that users cannot set; `NULL`: users with one-time codes cannot log in. */
    payhsm_time_fn_t unix_time;
    /* The platform's verdict on the code in memory; `NULL` without one. */
    payhsm_integrity_fn_t integrity;
    /*
     * Not 0: limits over time do not begin anew at a start (needs `storage_key`). A start brings no PIN then, and what is
     * counted without a clock is counted until `payhsm_limits_reset`.
     */
    uint32_t persistent_limits;
    /* 0. */
    uint32_t reserved;
} payhsm_config_t;

/* The state of a context. */
typedef struct {
    /* Set before the call: `sizeof(payhsm_state_t)`. */
    uint32_t size;
    /* `PAYHSM_STATE_...`. */
    uint32_t state;
    /* Slots in all. */
    uint32_t slots;
    /* Slots with a key. */
    uint32_t slots_used;
    /* Groups in all. */
    uint32_t groups;
    /* Groups in use. */
    uint32_t groups_used;
    /* 1 if there is a monotonic counter, with which an older image of the storage is seen; 0: nobody can tell. */
    uint32_t anchored;
    /* Groups whose initial key is at the end of its life. */
    uint32_t groups_spent;
} payhsm_state_t;

/* Who is enrolled, and how. */
typedef struct {
    /* `sizeof(payhsm_enrolment_t)`. */
    uint32_t size;
    /* The user's number, 1 to `PAYHSM_USERS`. */
    uint32_t user;
    /* `PAYHSM_ROLE_...`. */
    uint32_t role;
    /* The key by which the user answers challenges: AES, usage `"M6"`, mode of use `'V'`. It leaves its slot. */
    uint32_t key;
    /* `PAYHSM_FACTOR_...`. */
    uint32_t factor;
    /*
     * With `PAYHSM_FACTOR_CODE` the key of the codes: usage `"M7"`, algorithm `'H'`, mode of use `'V'`. It leaves its slot.
     * Otherwise this and the fields below are 0.
     */
    uint32_t code_key;
    /* `PAYHSM_CODE_...`. */
    uint32_t code_hash;
    /* Digits of a code, 6 or 8. */
    uint32_t code_digits;
    /* Seconds that a code lasts, 30 or 60. */
    uint32_t code_period;
} payhsm_enrolment_t;

/* What is public about a user. */
typedef struct {
    /* `sizeof(payhsm_user_status_t)`. */
    uint32_t size;
    /* `PAYHSM_ROLE_...`. */
    uint32_t role;
    /* Wrong log-ins in a row. */
    uint32_t failures;
    /* The session, if the user is logged in; otherwise 0. */
    uint32_t session;
    /* Milliseconds until the next try; all ones if only a new start or an officer helps. */
    uint64_t wait_ms;
} payhsm_user_status_t;

/* What self-tests found. */
typedef struct {
    /* `sizeof(payhsm_self_test_report_t)`. */
    uint32_t size;
    /* Tests that passed since the start, `PAYHSM_TEST_...`. */
    uint32_t passed;
    /* Tests that failed since the start. */
    uint32_t failed;
    /* Tests that passed in the round that is on. */
    uint32_t round;
    /* Rounds that were completed since the start. */
    uint32_t rounds;
    /* The version of the library: major, minor and patch in a byte each. */
    uint32_t version;
    /* Milliseconds since the last completed round or the start; all ones without a clock. */
    uint64_t age_ms;
} payhsm_self_test_report_t;

/* Attributes of a key: the header characters of ANSI X9.143. */
typedef struct {
    /* Key usage, two characters: `"P0"`, `"B1"`, .... */
    uint8_t usage[2];
    /* Algorithm: `'T'` TDEA, `'A'` AES, `'E'` P-256 (a signature key). */
    uint8_t algorithm;
    /* Mode of use: `'B'`, `'C'`, `'D'`, `'E'`, `'G'`, `'N'`, `'S'`, `'V'`, `'X'`. */
    uint8_t mode;
    /* Key version, two characters; `"00"`: none. */
    uint8_t version[2];
    /* Exportability: `'E'`, `'N'`, `'S'`. */
    uint8_t exportability;
    /* 0. */
    uint8_t reserved;
} payhsm_key_attributes_t;

/* What is public about a key. */
typedef struct {
    /* The attributes. */
    payhsm_key_attributes_t attributes;
    /* Length of the key in bytes. */
    uint32_t len;
    /* Length of the check value: 5 (CMAC), 3 (zero block), or 0 for a key without one. */
    uint32_t kcv_len;
    /* The check value; zeros behind. */
    uint8_t kcv[PAYHSM_KCV_MAX_LEN];
    /* 0. */
    uint8_t reserved[3];
} payhsm_key_info_t;

/* What a key block that is written shall say, beyond the key's own attributes. Zeros behind the size: nothing. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* `PAYHSM_EXPORT_...`. */
    uint32_t flags;
    /* Version, `'A'` to `'E'`, that fits the protection key; 0: its own. */
    uint8_t version;
    /* A narrower mode of use; 0: the key's. */
    uint8_t mode;
    /* A narrower exportability; 0: the key's. */
    uint8_t exportability;
    /* 0. */
    uint8_t reserved;
} payhsm_export_t;

/* The keys of a sign-on answer. What is public about them: `payhsm_key_info`. */
typedef struct {
    /* The PIN key: usage P0, mode of use E. */
    uint32_t pin;
    /* The MAC key: usage M0, mode of use C; algorithm D if it has single length. */
    uint32_t mac;
    /* The track key: usage D0, mode of use E; 0 if there is none. */
    uint32_t track;
    /* 0. */
    uint32_t reserved;
} payhsm_working_keys_t;

/* What is public about an initial key that was loaded. */
typedef struct {
    /* Algorithm: `'T'` TDEA, `'A'` AES. */
    uint8_t algorithm;
    /* Length of `ksn`: 10 or 12, or 0 if the initial key is at the end of its life. */
    uint8_t ksn_len;
    /* Length of `kcv`: 5, or 0 for a group that came from storage. */
    uint8_t kcv_len;
    /* The KSN of the next transaction; zeros behind. */
    uint8_t ksn[PAYHSM_KSN_MAX_LEN];
    /* The check value of the initial key. */
    uint8_t kcv[PAYHSM_KCV_MAX_LEN];
} payhsm_initial_key_info_t;

/* A PIN on its way from the keypad into the library, which wipes it in every call that takes it. */
typedef struct {
    /* Number of digits, 4 to 12. */
    uint8_t len;
    /* The digits, values 0 to 9; 0 behind the last. */
    uint8_t digits[12];
} payhsm_pin_t;

/* The card's answer to GENERATE AC. */
typedef struct {
    /* `PAYHSM_CRYPTOGRAM_...`. */
    uint32_t kind;
    /* The application transaction counter. */
    uint32_t atc;
    /* Cryptogram information data (9F27). */
    uint8_t cid;
    /* Length of `iad`. */
    uint8_t iad_len;
    /* The application cryptogram (9F26). */
    uint8_t cryptogram[8];
    /* Issuer application data (9F10); zeros behind. */
    uint8_t iad[PAYHSM_IAD_MAX_LEN];
    /* 0. */
    uint8_t reserved[2];
} payhsm_ac_response_t;

/*
 * A certification authority's public key, a line of the terminal's table. It must have come in over an authenticated
 * way: the checksum shows only that it was copied well.
 */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* The RID: the first 5 bytes of the selected AID. */
    uint8_t rid[5];
    /* The index (8F). */
    uint8_t index;
    /* SHA-1 over RID, index, modulus and exponent. */
    uint8_t checksum[20];
    /* The last day of use, YYMMDD, BCD; zeros without one. */
    uint8_t expires[3];
    /* Length of `exponent`, 1 or 3. */
    uint8_t exponent_len;
    /* The exponent, 03 or 010001. */
    uint8_t exponent[3];
    /* Length of `modulus`, 128 to 248. */
    uint8_t modulus_len;
    /* The modulus, big-endian. */
    uint8_t modulus[PAYHSM_CA_KEY_MAX_LEN];
    /* 0. */
    uint8_t reserved[2];
} payhsm_ca_key_t;

/* What the terminal knows of the transaction. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* The day (9A), YYMMDD, BCD. */
    uint8_t date[3];
    /* Application interchange profile (82). */
    uint8_t aip[2];
    /* Unpredictable number (9F37), for CDA and fast DDA. */
    uint8_t unpredictable_number[4];
    /* Amount, authorised (9F02), for fast DDA. */
    uint8_t amount[6];
    /* Transaction currency code (5F2A), for fast DDA. */
    uint8_t currency[2];
    /* 0. */
    uint8_t reserved[3];
} payhsm_oda_transaction_t;

/* What the card has shown, or why it has not. */
typedef struct {
    /*
     * 0, or in which step it failed: 1 records, 2 CA key, 3 issuer certificate (90), 4 ICC certificate (9F46), 5 PIN
     * certificate (9F2D), 6 signed static data (93), 7 signed dynamic data (9F4B).
     */
    uint32_t stage;
    /*
     * 0, or what was wrong: 1 element missing, 2 element malformed or twice, 3 record that is no template 70, 4 tag
     * list (9F4A), 5 no such CA key, 10 length of the signature, 11 trailer, 12 header, 13 format, 14 hash algorithm,
     * 15 hash, 20 issuer identifier, 21 PAN, 22 expired, 23 revoked, 24 key algorithm, 25 length of the key, 26
     * remainder, 27 exponent, 28 padding, 30 dynamic data, 31 cryptogram information, 32 transaction data hash.
     */
    uint32_t fault;
    /* The bits that the failure sets in byte 1 of the TVR (95). */
    uint8_t tvr;
    /* Cryptogram information data (9F27), of CDA. */
    uint8_t cid;
    /* Length of `dynamic_number`, 2 to 8, but for SDA. */
    uint8_t dynamic_number_len;
    /* 0. */
    uint8_t reserved;
    /* Data authentication code (9F45), of SDA. */
    uint8_t authentication_code[2];
    /* Application transaction counter (9F36), of CDA. */
    uint8_t atc[2];
    /* Application cryptogram (9F26), of CDA. */
    uint8_t cryptogram[8];
    /* ICC dynamic number (9F4C); zeros behind. */
    uint8_t dynamic_number[8];
} payhsm_oda_result_t;

/* The parts of a KSN. */
typedef struct {
    /* Key set: which BDK. With AES the BDK id. */
    uint64_t key_set;
    /* Device under this BDK. With AES the derivation id. */
    uint64_t device;
    /* Transaction counter. */
    uint32_t counter;
    /* 0. */
    uint32_t reserved;
} payhsm_ksn_fields_t;

/* What an issuer fixes for PINs of the IBM 3624. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* The decimalisation table, 16 ASCII digits: at least 8 different ones, none more than 4 times. */
    uint8_t table[16];
    /* Validation data: the first digit of the PAN that is taken, 0 for the first. */
    uint8_t start;
    /* Validation data: how many digits of the PAN are taken, 1 to 16. */
    uint8_t len;
    /* Validation data: what stands behind them up to 16, 0 to 15. */
    uint8_t pad;
    /* Digits of the PAN. */
    uint8_t pan_len;
    /* Digits of the PIN, 4 to 12. */
    uint8_t pin_len;
    /* Digits of the offset, 4 to `pin_len`, which cover the rightmost digits of the PIN; 0: `pin_len`. */
    uint8_t check_len;
    /* 0. */
    uint8_t reserved[2];
} payhsm_pin_profile_t;

/* An application cryptogram over bytes that the caller gives, and how it is made. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* `PAYHSM_MASTER_KEY_...`. */
    uint32_t master_key;
    /* `PAYHSM_SESSION_KEY_...`. */
    uint32_t session_key;
    /* Padding method of ISO/IEC 9797-1, 1 or 2; of no meaning for an AES card. */
    uint32_t padding;
    /* ARPC method, 1 or 2. */
    uint32_t arpc_method;
    /* `PAYHSM_ARPC_KEY_...`. */
    uint32_t arpc_key;
    /* PAN sequence number, 0 to 99. */
    uint32_t psn;
    /* Application transaction counter. */
    uint32_t atc;
    /* `PAYHSM_CRYPTOGRAM_...`. */
    uint32_t kind;
    /* Unpredictable number, for M/Chip session keys. */
    uint8_t unpredictable_number[4];
    /* The application cryptogram. */
    uint8_t cryptogram[8];
} payhsm_raw_cryptogram_t;

/* The card that a script is for, and the request that it answers. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* `PAYHSM_SCHEME_...` of the card, from your records. */
    uint32_t scheme;
    /* Cryptogram version number of the card, from your records. */
    uint32_t cvn;
    /* PAN sequence number, 0 to 99. */
    uint32_t psn;
    /* Application transaction counter of the request. */
    uint32_t atc;
    /* Number of the command in its script: 0 for the first. */
    uint32_t index;
    /* Application cryptogram of the request, as `payhsm_arqc_verify` verified it. */
    uint8_t cryptogram[8];
} payhsm_script_target_t;

/* A PIN block under DUKPT, or under a PIN key in a slot, whose PIN is to be verified. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* A B0 key with mode of use X; without a KSN a P0 key with mode of use D or B. */
    uint32_t bdk;
    /* `PAYHSM_PIN_FORMAT_...`. */
    uint32_t format;
    /* A V2 key with mode of use V or C. */
    uint32_t pvk;
    /* Its index, 0 to 9. */
    uint32_t pvki;
    /* Bytes of `ksn`: 10 (TDEA) or 12 (AES); 0 for a P0 key. */
    uint32_t ksn_len;
    /* Digits of `pan`. */
    uint32_t pan_len;
    /* Bytes of `block`: 8 or 16. */
    uint32_t block_len;
    /* The KSN. */
    uint8_t ksn[12];
    /* ASCII digits. */
    uint8_t pan[20];
    /* The block as it came. */
    uint8_t block[16];
    /* The PVV: ASCII digits. */
    uint8_t pvv[4];
} payhsm_batch_pin_verify_t;

/* A PIN block under DUKPT, or under a PIN key in a slot, that is to be translated. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* A B0 key with mode of use X; without a KSN a P0 key with mode of use D or B. */
    uint32_t bdk;
    /* `PAYHSM_PIN_FORMAT_...`. */
    uint32_t format_in;
    /* A P0 key with mode of use E. */
    uint32_t output_key;
    /* `PAYHSM_PIN_FORMAT_...`. */
    uint32_t format_out;
    /* Bytes of `ksn`: 10 (TDEA) or 12 (AES); 0 for a P0 key. */
    uint32_t ksn_len;
    /* Digits of `pan`. */
    uint32_t pan_len;
    /* Bytes of `block`: 8 or 16. */
    uint32_t block_len;
    /* The KSN. */
    uint8_t ksn[12];
    /* ASCII digits. */
    uint8_t pan[20];
    /* The block as it came. */
    uint8_t block[16];
} payhsm_batch_pin_translate_t;

/* A PIN block that was translated. */
typedef struct {
    /* Bytes of `block`: 8 or 16; 0 if the job failed. */
    uint32_t len;
    /* The block, zeros behind. */
    uint8_t block[16];
} payhsm_batch_pin_block_t;

/* An application cryptogram that is to be verified and answered. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* An E0 key with mode of use X. */
    uint32_t imk;
    /* `PAYHSM_SCHEME_...`. */
    uint32_t scheme;
    /* The cryptogram version number of the card. */
    uint32_t cvn;
    /* PAN sequence number, 0 to 99. */
    uint32_t psn;
    /* Digits of `pan`. */
    uint32_t pan_len;
    /* Bytes of `field55`. */
    uint32_t field55_len;
    /* Bytes of `answer`: 0, 2, or 4 to 12. */
    uint32_t answer_len;
    /* ASCII digits. */
    uint8_t pan[20];
    /* What the ARPC is made over. */
    uint8_t answer[12];
    /* BER-TLV. */
    uint8_t field55[PAYHSM_BATCH_FIELD55_MAX_LEN];
} payhsm_batch_arqc_verify_t;

/* The answer to a cryptogram that has verified. */
typedef struct {
    /* Bytes of `data`; 0 without an answer, and if the job failed. */
    uint32_t len;
    /* The value of tag 91, zeros behind. */
    uint8_t data[PAYHSM_ISSUER_AUTH_MAX_LEN];
} payhsm_batch_issuer_auth_t;

/* A message under DUKPT whose MAC is to be verified. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* A B0 key with mode of use X. */
    uint32_t bdk;
    /* `PAYHSM_MAC_...`. */
    uint32_t mac_method;
    /* Where the message begins in the messages of the call, in bytes. */
    uint32_t data_offset;
    /* Its length in bytes. */
    uint32_t data_len;
    /* Bytes of `ksn`: 10 (TDEA) or 12 (AES). */
    uint32_t ksn_len;
    /* Bytes of `mac`. */
    uint32_t mac_len;
    /* The KSN. */
    uint8_t ksn[12];
    /* What came with the message. */
    uint8_t mac[16];
} payhsm_batch_mac_verify_t;

/* A card verification value that is to be verified. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* A C0 key with mode of use V or C. */
    uint32_t cvk;
    /* `PAYHSM_CVV_...`. */
    uint32_t kind;
    /* Of the track, 1 to 998; 0 for the other kinds. */
    uint32_t service_code;
    /* Digits of `pan`. */
    uint32_t pan_len;
    /* Digits of `value`: 3 to 5. */
    uint32_t value_len;
    /* ASCII digits. */
    uint8_t pan[20];
    /* ASCII digits, YYMM for every kind. */
    uint8_t expiry[4];
    /* ASCII digits. */
    uint8_t value[8];
} payhsm_batch_cvv_verify_t;

/* A key block that is to be imported. */
typedef struct {
    /* Its size: `sizeof` of the type. */
    uint32_t size;
    /* The protection key: as in `payhsm_key_import`. */
    uint32_t kbpk;
    /* `PAYHSM_PROFILE_...`. */
    uint32_t profile;
    /* Where the block begins in the blocks of the call, in bytes. */
    uint32_t block_offset;
    /* Its length in bytes. */
    uint32_t block_len;
} payhsm_batch_key_import_t;

/* A key that was imported. */
typedef struct {
    /* Its handle; 0 if the job failed. */
    uint32_t key;
    /* What is public about it; zeros if the job failed. */
    payhsm_key_info_t info;
} payhsm_batch_key_t;

/* What a key is bound to. 0: nothing. */
typedef struct {
    /* How many commands may use the key. */
    uint32_t max_uses;
    /* After how many an alarm says so. */
    uint32_t warn_uses;
    /* How many have used it; counted for keys with a limit. */
    uint32_t uses;
    /* The first day of use. */
    uint32_t valid_from;
    /* The last day of use. */
    uint32_t valid_until;
    /* The owner. */
    uint32_t owner;
    /* `PAYHSM_BOUND_...` bits. */
    uint32_t flags;
} payhsm_key_bounds_t;

/* How a key shall be narrowed. What is 0 stays as it is. */
typedef struct {
    /* `sizeof(payhsm_narrowing_t)`. */
    uint32_t size;
    /* How many commands may use the key in all, those that have done so included. */
    uint32_t max_uses;
    /* After how many an alarm says so. */
    uint32_t warn_uses;
    /* The first day of use, as a number of eight digits: 20261231. */
    uint32_t valid_from;
    /* The last day of use. */
    uint32_t valid_until;
    /* Whose sessions alone may use the key. */
    uint16_t owner;
    /* A narrower mode of use. */
    uint8_t mode;
    /* A narrower exportability. */
    uint8_t exportability;
    /* `PAYHSM_BOUND_SESSION`, or 0. */
    uint32_t flags;
} payhsm_narrowing_t;

/* The end of a log or of a part of one: a record's number, and its tag. */
typedef struct {
    /* The number; 0 before the first record. */
    uint64_t sequence;
    /* The tag; zeros before the first record. */
    uint8_t tag[PAYHSM_AUDIT_TAG_LEN];
} payhsm_audit_position_t;

/* How the log stands. */
typedef struct {
    /* The number of the oldest record that is still there. */
    uint64_t oldest;
    /* The last record. */
    payhsm_audit_position_t last;
    /* Up to where the log was released. */
    uint64_t released;
    /* How many records it holds. */
    uint32_t capacity;
    /* Records that could not be written since the start. */
    uint32_t lost;
} payhsm_audit_status_t;

/* An alarm. */
typedef struct {
    /* The event, a number of `docs/AUDIT.md`; 0: no alarm waits. */
    uint32_t event;
    /* The slot, or 0x8000 and the group; 0xFFFF: none. */
    uint32_t place;
    /* The error; `PAYHSM_OK`: none. */
    payhsm_status_t result;
    /* What the event counts. */
    uint32_t value;
} payhsm_event_t;

/* Success. */
#define PAYHSM_OK 0

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* The interface version of the linked library; compare it with `PAYHSM_ABI_VERSION` of the header. */
PAYHSM_MUST_USE
uint32_t payhsm_abi_version(void);

/*
 * A fixed English sentence for a status, never `NULL`, valid for ever.
 *
 * Parameters: `status`: a status of any function, or any number.
 */
PAYHSM_MUST_USE
const char *payhsm_status_text(payhsm_status_t status);

/*
 * What `PAYHSM_CTX_SIZE(slots, groups)` is, for languages and libraries that cannot use the macro.
 *
 * Returns: the number of bytes; 0 for no slots, or for more than 256 slots or groups.
 */
PAYHSM_MUST_USE
size_t payhsm_ctx_size(uint32_t slots,
                       uint32_t groups);

/*
 * What `PAYHSM_CTX_ALIGN` is.
 *
 * Returns: the alignment in bytes.
 */
PAYHSM_MUST_USE
size_t payhsm_ctx_align(void);

/*
 * Starts a module in the caller's memory.
 *
 * Parameters:
 * - `memory`: at least `PAYHSM_CTX_SIZE(slots, groups)` bytes, aligned to `PAYHSM_CTX_ALIGN`; it stays the module's
 * until `payhsm_close`.
 * - `config`: read during the call only.
 * - `ctx`: receives the context; `NULL` on error.
 *
 * DUKPT groups that the storage holds are taken up: find them with `payhsm_dukpt_find`. If a stored record is damaged
 * the module starts tampered, which `payhsm_state` tells.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_INVALID_LENGTH` (memory too
 * short), `PAYHSM_ERR_INVALID_ARGUMENT` (slots, groups, policy, minutes, or some storage callbacks only),
 * `PAYHSM_ERR_ABI_MISMATCH` (version or size), `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_ENTROPY`.
 *
 * Contract:
 * C1 to C3 for every pointer; the callbacks keep the contract of `payhsm_config_t`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_init(void *memory,
                            size_t memory_len,
                            const payhsm_config_t *config,
                            payhsm_ctx_t **ctx);

/*
 * Erases every key and ends the context. Its memory is the caller's again; stored records stay.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live
 * context, or called from a callback).
 *
 * Contract:
 * `ctx` is `NULL` or came from `payhsm_init` and was not closed; C2.
 */
payhsm_status_t payhsm_close(payhsm_ctx_t *ctx);

/*
 * Tells the state of a context.
 *
 * Parameters: `state`: its size comes in; receives the rest, zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_ABI_MISMATCH` (size),
 * `PAYHSM_ERR_BAD_STATE`.
 *
 * Contract:
 * As `payhsm_close`; C1 to C3 for `state`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_state(payhsm_ctx_t *ctx,
                             payhsm_state_t *state);

/*
 * A tamper event: erases every key, then marks the storage, so that the next start is tampered, too. All commands but
 * `payhsm_state`, self-tests, `payhsm_wipe`, the log and `payhsm_close` are refused from now on;
 * `payhsm_reinitialise` after a new start leads out.
 *
 * From a callback while a call on the same context runs the answer is `PAYHSM_ERR_BAD_STATE`: keys are erased when that
 * call ends, or before. For interrupts there is `payhsm_tamper_signal`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live
 * context, or a call is running).
 *
 * Contract:
 * As `payhsm_close`.
 */
payhsm_status_t payhsm_tamper(payhsm_ctx_t *ctx);

/*
 * A tamper event that an interrupt of the same processor reports: bounded, without callbacks, idempotent.
 *
 * - While no call runs on the context every key is erased before this returns. The mark in the storage follows with the next
 * call, which may be `payhsm_state`.
 * - While a call runs it is told to stop: it makes no further callback, and when it ends, at the latest after the
 * computation that was interrupted, keys are erased first, then its outputs, and it returns `PAYHSM_ERR_TAMPERED`. Its
 * memory is not touched from here: two writers at a time have no defined result. A device whose tamper reaction may not
 * wait for the longest call cuts the power of that memory.
 *
 * Returns: `PAYHSM_OK` if every key is erased; `PAYHSM_ERR_BAD_STATE` if a call is running, which will erase them;
 * `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_INVALID_HANDLE` (not a live context).
 *
 * Contract:
 * `ctx` is `NULL` or came from `payhsm_init`; it may have been closed if its memory still is there. Calls of one context
 * come from one processor: the interrupted code does not go on before this returns.
 */
payhsm_status_t payhsm_tamper_signal(payhsm_ctx_t *ctx);

/*
 * Random bytes from the entropy callback.
 *
 * Parameters: `out`, `out_len`: filled whole.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE`,
 * `PAYHSM_ERR_TAMPERED`, `PAYHSM_ERR_ENTROPY`.
 *
 * Contract:
 * As `payhsm_close`; C1 to C3 for `out`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_random(payhsm_ctx_t *ctx,
                              uint8_t *out,
                              size_t out_len);

/*
 * Locks the module: from now on only officers may log in, also after a new start.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NOT_AUTHENTICATED` without an officer who is logged in; `PAYHSM_ERR_STORAGE`: it is locked
 * until the next start only; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_lock(payhsm_ctx_t *ctx);

/*
 * Lifts a lock. Two officers must be logged in. (A lock that came from wrong log-ins an officer's log-in lifts.)
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if the module is not locked; `PAYHSM_ERR_NOT_AUTHENTICATED`;
 * `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_unlock(payhsm_ctx_t *ctx);

/*
 * Tells the policy as it is now.
 *
 * Parameters: `policy`: receives `PAYHSM_POLICY_...` bits; 0 on error.
 *
 * Returns: `PAYHSM_OK`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_policy(payhsm_ctx_t *ctx,
                              uint32_t *policy);

/*
 * Takes permissions away; they stay away after a new start. An officer, if officers are enrolled.
 *
 * Parameters: `withdrawn`: `PAYHSM_POLICY_...` bits.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` for an unknown bit; `PAYHSM_ERR_NOT_AUTHENTICATED`;
 * `PAYHSM_ERR_STORAGE`: they are away until the next start; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_policy_narrow(payhsm_ctx_t *ctx,
                                     uint32_t withdrawn);

/*
 * Gives permissions: two officers, or while none are enrolled the decision callback (`PAYHSM_ASK_DUAL_CONTROL`). What the
 * configuration gives, too, stays after a new start; what it does not lasts until then.
 *
 * Parameters: `given`: `PAYHSM_POLICY_...` bits.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` for an unknown bit; `PAYHSM_ERR_REFUSED` for a frozen policy, and by the
 * callback; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_STORAGE`, and nothing has changed; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_policy_widen(payhsm_ctx_t *ctx,
                                    uint32_t given);

/*
 * Freezes the policy: it may be narrowed, and widened no more, until the module is made anew. An officer, if officers are
 * enrolled.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_STORAGE`: it is frozen until the next start; the
 * context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_policy_freeze(payhsm_ctx_t *ctx);

/*
 * Erases every key in slots and groups, and what they left in storage, and ends every session. The module stays what it is;
 * in every state.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_STORAGE` if what is stored of a group could not be given up: it comes back at the next
 * start; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live context, or a call is
 * running).
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_wipe(payhsm_ctx_t *ctx);

/*
 * Makes the module anew: every key and every user goes, here and in storage, and the mark of a tamper event; the memory of
 * used initial DUKPT keys stays where it can be read. The way out of `PAYHSM_STATE_TAMPERED`, after a new start.
 *
 * The decision callback is asked (`PAYHSM_ASK_REINITIALISE`); if officers are enrolled and the module is not tampered with,
 * two of them must be logged in.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED`; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_TAMPERED` in the start in which
 * the tamper event came; `PAYHSM_ERR_STORAGE`: the module is tampered until it succeeds; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_reinitialise(payhsm_ctx_t *ctx);

/*
 * Enrols a user. The keys leave their slots and become the user's; no call gives them back.
 *
 * The first user is an officer, and the decision callback is asked (`PAYHSM_ASK_ENROL`). **From then on roles are enforced**,
 * as the table in `docs/LIFE-CYCLE.md` has it. The second officer needs the first one and the callback, a further officer
 * two of them, everybody else one.
 *
 * Parameters: `enrolment`: read during the call only.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_ABI_MISMATCH`; `PAYHSM_ERR_INVALID_HANDLE`;
 * `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`;
 * `PAYHSM_ERR_UNSUPPORTED` for a hash that this library does not have; `PAYHSM_ERR_BAD_STATE` for a number that is taken,
 * and for a first user who is no officer; `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_REFUSED`;
 * `PAYHSM_ERR_VERIFICATION_FAILED` for a key that another user has; `PAYHSM_ERR_STORAGE`: users need a storage key; the
 * context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_role_enrol(payhsm_ctx_t *ctx,
                                  const payhsm_enrolment_t *enrolment);

/*
 * Ends a user's enrolment. The last two officers stay.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_NO_KEY` for the number; `PAYHSM_ERR_BAD_STATE` for one of
 * the last two officers; `PAYHSM_ERR_NOT_AUTHENTICATED`; `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_role_revoke(payhsm_ctx_t *ctx,
                                   uint32_t user);

/*
 * Tells what is public about a user.
 *
 * Parameters: `status`: its size comes in; receives the rest, zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_NO_KEY` for the number; `PAYHSM_ERR_ABI_MISMATCH`; the
 * context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_role_status(payhsm_ctx_t *ctx,
                                   uint32_t user,
                                   payhsm_user_status_t *status);

/*
 * Begins a log-in: gives a challenge, of which the user's key makes the AES-CMAC. One that was given out before is void.
 *
 * Parameters: `challenge`: receives `PAYHSM_CHALLENGE_LEN` bytes; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_NO_KEY` for the user; `PAYHSM_ERR_LOCKED` for anybody but
 * officers in a locked module; `PAYHSM_ERR_RATE_LIMITED` after too many wrong tries; `PAYHSM_ERR_SLOTS_FULL` while
 * `PAYHSM_SESSIONS` others are logged in; `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_login_begin(payhsm_ctx_t *ctx,
                                   uint32_t user,
                                   uint8_t *challenge);

/*
 * Ends a log-in. The try is counted in the storage before anything is compared.
 *
 * Parameters: `response`: `PAYHSM_RESPONSE_LEN` bytes, the CMAC of the challenge. `code`: the one-time code as a number; ignored
 * for users without one. `session`: receives the session; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong; `PAYHSM_ERR_BAD_STATE` without a challenge;
 * `PAYHSM_ERR_REFUSED` if a code is needed and the time is not known; `PAYHSM_ERR_LOCKED`, `PAYHSM_ERR_RATE_LIMITED`;
 * `PAYHSM_ERR_STORAGE`, `PAYHSM_ERR_STORAGE_INTEGRITY`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_login_finish(payhsm_ctx_t *ctx,
                                    const uint8_t *response,
                                    uint32_t code,
                                    uint32_t *session);

/*
 * Ends a session.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_logout(payhsm_ctx_t *ctx,
                              uint32_t session);

/*
 * Runs self-tests, in every state. After a failure the module is in `PAYHSM_STATE_ERROR` until a new start.
 *
 * Parameters: `tests`: `PAYHSM_TEST_...` bits, or `PAYHSM_TEST_ALL`. `report`: its size comes in; receives what was found, also
 * if a test fails.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_SELF_TEST_FAILED` if a test failed, now or before; `PAYHSM_ERR_UNSUPPORTED` for a test
 * that this library does not have; `PAYHSM_ERR_ABI_MISMATCH` (size); `PAYHSM_ERR_NULL_POINTER`,
 * `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_BAD_STATE` (not a live context, or a call is running).
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_self_test(payhsm_ctx_t *ctx,
                                 uint32_t tests,
                                 payhsm_self_test_report_t *report);

/*
 * Runs the next self-test of a round: bounded work. After the last one a new round begins.
 *
 * Parameters: `test`: receives which it was, `PAYHSM_TEST_...`; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_SELF_TEST_FAILED` if a test failed, now or before; `PAYHSM_ERR_NULL_POINTER`,
 * `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`, `PAYHSM_ERR_BAD_STATE` (not a live context, or a call is running).
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_self_test_step(payhsm_ctx_t *ctx,
                                      uint32_t *test);

/*
 * Tells what is public about a key.
 *
 * Parameters: `key`: a key's handle. `info`: receives it; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `info`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_info(payhsm_ctx_t *ctx,
                                uint32_t key,
                                payhsm_key_info_t *info);

/*
 * Erases a key; its handle names nothing afterwards.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_key_erase(payhsm_ctx_t *ctx,
                                 uint32_t key);

/*
 * Makes a random key.
 *
 * Parameters: `attributes`: of the new key. `len`: in bytes, 16 or 24 (`'T'`), 16, 24 or 32 (`'A'`), 32 (`'E'`). `key`, `info`:
 * receive the handle and what is public; zero on error.
 *
 * Returns: `PAYHSM_OK`; the `PAYHSM_ERR_KEY_BLOCK_...` errors for attributes; `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`,
 * `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_generate(payhsm_ctx_t *ctx,
                                    const payhsm_key_attributes_t *attributes,
                                    size_t len,
                                    uint32_t *key,
                                    payhsm_key_info_t *info);

/*
 * Opens a ceremony in which custodians enter the components of a key. Until it ends no other command runs.
 *
 * Parameters: `attributes`, `len`: of the key, as in `payhsm_key_generate`. `components`: how many, 2 to 9.
 * `kcv`, `kcv_len`: the check value that the key must have, 5 bytes (CMAC) or, TDEA only, 3 (zero block), or `NULL` and
 * 0. The decision callback is asked first.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if one is open; `PAYHSM_ERR_REFUSED`; `PAYHSM_ERR_INVALID_ARGUMENT` for
 * the number; `PAYHSM_ERR_INVALID_LENGTH` or `PAYHSM_ERR_ALGORITHM_MISMATCH` for the check value; the errors of
 * attributes and length as `payhsm_key_generate`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_component_begin(payhsm_ctx_t *ctx,
                                       const payhsm_key_attributes_t *attributes,
                                       size_t len,
                                       uint32_t components,
                                       const uint8_t *kcv,
                                       size_t kcv_len);

/*
 * Takes one component. On every error the ceremony is over and everything entered is wiped.
 *
 * Parameters: `custodian`: who enters it; each custodian enters one. `component`, `component_len`: as long as the key.
 * `kcv`, `kcv_len`: its check value from the custodian's envelope, 5 or 3 bytes as above, or `NULL` and 0.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if no ceremony is open or all components are there;
 * `PAYHSM_ERR_COMPONENT` for a custodian who has given one; `PAYHSM_ERR_INVALID_KEY_LENGTH`;
 * `PAYHSM_ERR_INVALID_LENGTH` or `PAYHSM_ERR_ALGORITHM_MISMATCH` for the form of the check value;
 * `PAYHSM_ERR_VERIFICATION_FAILED` for its value, and for a component that was given before; `PAYHSM_ERR_WEAK_KEY` for
 * one of all zeros; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers. Wipe your copy of the component.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_component_add(payhsm_ctx_t *ctx,
                                     uint32_t custodian,
                                     const uint8_t *component,
                                     size_t component_len,
                                     const uint8_t *kcv,
                                     size_t kcv_len);

/*
 * Ends the ceremony: the exclusive or of all components becomes a key.
 *
 * Parameters: `key`, `info`: receive the handle and what is public; zero on error, and everything entered is wiped.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if no ceremony is open or components are missing;
 * `PAYHSM_ERR_VERIFICATION_FAILED` for the check value; `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`; the context's
 * errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_component_finish(payhsm_ctx_t *ctx,
                                        uint32_t *key,
                                        payhsm_key_info_t *info);

/*
 * Ends the ceremony and wipes everything entered. Without one it does nothing.
 *
 * Returns: `PAYHSM_OK`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_component_abort(payhsm_ctx_t *ctx);

/*
 * Unwraps a key block into a slot.
 *
 * Parameters: `kbpk`: a key with mode of use D or B: `"K1"` for versions B and D, `"K4"` for version E, `"K0"` for A and C
 * by policy. `profile`: `PAYHSM_PROFILE_...`. `block`, `block_len`: ASCII, the whole block. `key`, `info`: receive the handle
 * and what is public; zero on error. A key whose block has an optional block that may restrict it and that the module
 * cannot keep becomes one of exportability N. For an initial DUKPT key (B1) see `payhsm_dukpt_load`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; `PAYHSM_ERR_KEY_BLOCK_...` for a malformed public
 * field; `PAYHSM_ERR_LOCKED` for a `"K0"` key after ten wrong authenticators; `PAYHSM_ERR_VERIFICATION_FAILED`;
 * `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_UNSUPPORTED`,
 * `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_import(payhsm_ctx_t *ctx,
                                  uint32_t kbpk,
                                  uint32_t profile_number,
                                  const uint8_t *block,
                                  size_t block_len,
                                  uint32_t *key,
                                  payhsm_key_info_t *info);

/*
 * Unwraps a key block into a slot if its key is what the caller expects, or less.
 *
 * Parameters: as `payhsm_key_import`. `expected`: usage and algorithm of the key; its version, unless `"00"`; a mode of use
 * and an exportability that may be wider than the key's.
 *
 * Returns: as `payhsm_key_import`; `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_KEY_BLOCK_KEY_VERSION`, `PAYHSM_ERR_EXPORT_NOT_PERMITTED` for a block that
 * says otherwise or more.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_import_as(payhsm_ctx_t *ctx,
                                     uint32_t kbpk,
                                     uint32_t profile_number,
                                     const uint8_t *block,
                                     size_t block_len,
                                     const payhsm_key_attributes_t *expected,
                                     uint32_t *key,
                                     payhsm_key_info_t *info);

/*
 * Wraps a key for another party: version D under a `"K1"` key of AES, B of TDEA, E under a `"K4"` key, C under a `"K0"` key
 * by policy.
 *
 * Parameters: `kbpk`: a key with mode of use E or B. `key`: a key of exportability E; S by policy. `block`, `block_capacity`,
 * `block_len`: receive ASCII, `PAYHSM_KEY_BLOCK_MAX_LEN` is enough; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_EXPORT_NOT_PERMITTED` (also for a protection key unless the exportability of
 * `kbpk` is N), `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_INVALID_ARGUMENT` (a key under itself), `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the
 * context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_export(payhsm_ctx_t *ctx,
                                  uint32_t kbpk,
                                  uint32_t key,
                                  uint8_t *block,
                                  size_t block_capacity,
                                  size_t *block_len);

/*
 * Wraps a key for another party, narrower than it is here, or with further optional blocks.
 *
 * Parameters: as `payhsm_key_export`. `asked`: what the block shall say. `optional`, `optional_len`: optional blocks as they
 * stand in a key block, one behind the other, at most 8: LB, TC, TS; BI with a `"B0"` key; AL, CT with a key pair; `NULL`
 * and 0: none.
 *
 * Returns: as `payhsm_key_export`; `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_KEY_BLOCK_...` for `asked`;
 * `PAYHSM_ERR_KEY_BLOCK_OPTIONAL`, `PAYHSM_ERR_KEY_BLOCK_OPTIONAL_COUNT` for the optional blocks; `PAYHSM_ERR_UNSUPPORTED`
 * for a version that the library does not have.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_export_as(payhsm_ctx_t *ctx,
                                     uint32_t kbpk,
                                     uint32_t key,
                                     const payhsm_export_t *asked,
                                     const uint8_t *optional,
                                     size_t optional_len,
                                     uint8_t *block,
                                     size_t block_capacity,
                                     size_t *block_len);

/*
 * Wraps the key of a block anew for another party, without a slot between: the host's side.
 *
 * Parameters: `from`, `profile`, `block`, `block_len`: as in `payhsm_key_import`. `to`: the key that protects the new block,
 * as in `payhsm_key_export`. `asked`, `optional`, `optional_len`: as in `payhsm_key_export_as`. `out`, `out_capacity`,
 * `out_len`: receive the new block with all optional blocks of the old one but KP and TS; wiped and 0 on error.
 *
 * Returns: as `payhsm_key_import` and `payhsm_key_export_as`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_translate(payhsm_ctx_t *ctx,
                                     uint32_t from,
                                     uint32_t profile_number,
                                     const uint8_t *block,
                                     size_t block_len,
                                     uint32_t to,
                                     const payhsm_export_t *asked,
                                     const uint8_t *optional,
                                     size_t optional_len,
                                     uint8_t *out,
                                     size_t out_capacity,
                                     size_t *out_len);

/*
 * Compares a key check value that another party gave.
 *
 * Parameters: `method`: `PAYHSM_CHECK_...`. `value`, `value_len`: 3 bytes of a zero-block value, which only keys have whose
 * `kcv_len` is 3; 5 or 3 bytes of a CMAC value; by policy 2 to 5 of either.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_INVALID_ARGUMENT`,
 * `PAYHSM_ERR_INVALID_LENGTH`; `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_USAGE_NOT_PERMITTED` for a key without such a
 * value; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointer.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_check(payhsm_ctx_t *ctx,
                                 uint32_t key,
                                 uint32_t method,
                                 const uint8_t *value,
                                 size_t value_len);

/*
 * Takes a working key that is enciphered by TDES-ECB under a terminal master key. Only where policy permits it: nothing
 * but the check value authenticates such a key.
 *
 * Parameters: `kek`: a K0 TDEA key with mode of use D or B. `attributes`: of the key; usage P0, D0, M0, M1, M3 or M6,
 * exportability N. `cipher`, `cipher_len`: 16 or 24 bytes; 8 for algorithm D. `kcv`, `kcv_len`: the leftmost 3 or 4 bytes
 * of its enciphered zero block. `key`, `info`: receive the handle and what is public; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; `PAYHSM_ERR_USAGE_NOT_PERMITTED`, also unless policy permits it,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; the `PAYHSM_ERR_KEY_BLOCK_...` errors for attributes;
 * `PAYHSM_ERR_EXPORT_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_INVALID_LENGTH`,
 * `PAYHSM_ERR_KEY_STRENGTH`; `PAYHSM_ERR_LOCKED` after three wrong check values under this `kek`, until it is erased;
 * `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
 *
 * In libraries built with `legacy`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_working_key_import(payhsm_ctx_t *ctx,
                                          uint32_t kek,
                                          const payhsm_key_attributes_t *attributes,
                                          const uint8_t *cipher,
                                          size_t cipher_len,
                                          const uint8_t *kcv,
                                          size_t kcv_len,
                                          uint32_t *key,
                                          payhsm_key_info_t *info);

/*
 * Takes the working keys of a UnionPay sign-on answer (field 62): all of them, or none. Only where policy permits it.
 *
 * Parameters: `tmk`: a K0 TDEA key with mode of use D or B. `kind_number`: `PAYHSM_SIGN_ON_...`, what the terminal asked
 * for. `field`, `field_len`: 24, 40 or 60 bytes. `keys`: receives the handles; zero on error. The keys that they replace
 * stay: erase them when this has succeeded. PIN keys of single length do not come in.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; `PAYHSM_ERR_USAGE_NOT_PERMITTED`, also unless policy permits it,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`; `PAYHSM_ERR_INVALID_ARGUMENT` (kind),
 * `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH` (a PIN key of single length), `PAYHSM_ERR_SLOTS_FULL`;
 * `PAYHSM_ERR_LOCKED` after three wrong fields under this `tmk`, until it is erased; `PAYHSM_ERR_VERIFICATION_FAILED`;
 * `PAYHSM_ERR_WEAK_KEY`, `PAYHSM_ERR_UNSUPPORTED`; the context's errors.
 *
 * In libraries built with `legacy`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_unionpay_sign_on(payhsm_ctx_t *ctx,
                                        uint32_t tmk,
                                        uint32_t kind_number,
                                        const uint8_t *field,
                                        size_t field_len,
                                        payhsm_working_keys_t *keys);

/*
 * Answers the first message of a host that wants to agree a key-block protection key: the terminal's side.
 *
 * Parameters: `authentication`: a B3 AES key with mode of use X that both parties hold. `host_id`, `terminal_id`:
 * 1 to 32 bytes each. `kbpk_len`: 16; 24 or 32 by policy. `m1`: `PAYHSM_AGREEMENT_M1_LEN` bytes. `m2`,
 * `m2_capacity`, `m2_len`: receive the answer, `PAYHSM_AGREEMENT_M2_LEN` bytes. An earlier agreement that was not
 * finished is wiped. See `payhsm_agreement_finish`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_INVALID_ARGUMENT` (equal identities), `PAYHSM_ERR_EC_POINT`, `PAYHSM_ERR_ENTROPY`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_answer(payhsm_ctx_t *ctx,
                                        uint32_t authentication,
                                        const uint8_t *host_id,
                                        size_t host_id_len,
                                        const uint8_t *terminal_id,
                                        size_t terminal_id_len,
                                        size_t kbpk_len,
                                        const uint8_t *m1,
                                        uint8_t *m2,
                                        size_t m2_capacity,
                                        size_t *m2_len);

/*
 * Takes the host's confirmation and, if it verifies, releases the agreed key: usage K1, mode of use D, not
 * exportable.
 *
 * Parameters: `m3`: `PAYHSM_AGREEMENT_M3_LEN` bytes. `key`, `info`: receive the handle and what is public; zero on
 * error. The agreement is over in every case.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none is waiting; `PAYHSM_ERR_VERIFICATION_FAILED`;
 * `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_finish(payhsm_ctx_t *ctx,
                                        const uint8_t *m3,
                                        uint32_t *key,
                                        payhsm_key_info_t *info);

/*
 * Drops and wipes what this context holds of agreements that were not finished; without one it does nothing. It does so in
 * every state.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live context, or
 * a call is running).
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_agreement_abort(payhsm_ctx_t *ctx);

/*
 * Begins an agreement of a key-block protection key with a terminal: the host's side.
 *
 * Parameters: `authentication`: a B3 AES key with mode of use X that both parties hold. `host_id`, `terminal_id`:
 * 1 to 32 bytes each. `kbpk_len`: 16; 24 or 32 by policy. `m1`, `m1_capacity`, `m1_len`: receive the first message,
 * `PAYHSM_AGREEMENT_M1_LEN` bytes. An earlier agreement that was not finished is wiped.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_INVALID_ARGUMENT` (equal identities), `PAYHSM_ERR_ENTROPY`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's
 * errors.
 *
 * In libraries built with `ec` and `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_begin(payhsm_ctx_t *ctx,
                                       uint32_t authentication,
                                       const uint8_t *host_id,
                                       size_t host_id_len,
                                       const uint8_t *terminal_id,
                                       size_t terminal_id_len,
                                       size_t kbpk_len,
                                       uint8_t *m1,
                                       size_t m1_capacity,
                                       size_t *m1_len);

/*
 * Takes the terminal's answer and, if it verifies, releases the agreed key: usage K1, mode of use E, not exportable.
 *
 * Parameters: `m2`: `PAYHSM_AGREEMENT_M2_LEN` bytes. `key`, `info`: receive the handle and what is public; zero on
 * error. `m3`, `m3_capacity`, `m3_len`: receive the confirmation for the terminal, `PAYHSM_AGREEMENT_M3_LEN` bytes. The
 * agreement is over in every case.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none is waiting; `PAYHSM_ERR_INVALID_HANDLE` if the authentication key
 * is gone; `PAYHSM_ERR_EC_POINT`; `PAYHSM_ERR_VERIFICATION_FAILED`; `PAYHSM_ERR_SLOTS_FULL`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `ec` and `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_confirm(payhsm_ctx_t *ctx,
                                         const uint8_t *m2,
                                         uint32_t *key,
                                         payhsm_key_info_t *info,
                                         uint8_t *m3,
                                         size_t m3_capacity,
                                         size_t *m3_len);

/*
 * Begins an agreement with signatures: the host's side.
 *
 * Parameters: `signing`: the host's S0 key of P-256 with mode of use S. The rest is as in `payhsm_agreement_begin`.
 *
 * Returns: as `payhsm_agreement_begin`.
 *
 * In libraries built with `ec` and `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_begin_signed(payhsm_ctx_t *ctx,
                                              uint32_t signing,
                                              const uint8_t *host_id,
                                              size_t host_id_len,
                                              const uint8_t *terminal_id,
                                              size_t terminal_id_len,
                                              size_t kbpk_len,
                                              uint8_t *m1,
                                              size_t m1_capacity,
                                              size_t *m1_len);

/*
 * As `payhsm_agreement_confirm` for an agreement with signatures.
 *
 * Parameters: `peer`, `peer_len`: the public key of the terminal's signing key, 65 or 33 bytes; the decision callback is
 * asked whether it is. `m2`: `PAYHSM_AGREEMENT_SIGNED_M2_LEN` bytes. `m3`: `PAYHSM_AGREEMENT_SIGNED_M3_LEN` bytes. The
 * rest is as in `payhsm_agreement_confirm`.
 *
 * Returns: as `payhsm_agreement_confirm`; `PAYHSM_ERR_EC_POINT` also for `peer`; `PAYHSM_ERR_REFUSED`.
 *
 * In libraries built with `ec` and `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_confirm_signed(payhsm_ctx_t *ctx,
                                                const uint8_t *peer,
                                                size_t peer_len,
                                                const uint8_t *m2,
                                                uint32_t *key,
                                                payhsm_key_info_t *info,
                                                uint8_t *m3,
                                                size_t m3_capacity,
                                                size_t *m3_len);

/*
 * Gives the public key of a signature key: `04 || X || Y`.
 *
 * Parameters: `key`: an S0 key of P-256 with mode of use S. `public_key`, `capacity`, `len`: receive
 * `PAYHSM_EC_PUBLIC_LEN` bytes.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`;
 * the context's errors.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_public(payhsm_ctx_t *ctx,
                                  uint32_t key,
                                  uint8_t *public_key,
                                  size_t capacity,
                                  size_t *len);

/*
 * Answers the first message of a host that wants to agree a key-block protection key, with a signature: the terminal's
 * side.
 *
 * Parameters: `signing`: the terminal's S0 key of P-256 with mode of use S. `peer`, `peer_len`: the public key of the
 * host's signing key, 65 or 33 bytes; the decision callback is asked whether it is. `m2`:
 * `PAYHSM_AGREEMENT_SIGNED_M2_LEN` bytes. The rest is as in `payhsm_agreement_answer`.
 *
 * Returns: as `payhsm_agreement_answer`; `PAYHSM_ERR_EC_POINT` also for `peer`; `PAYHSM_ERR_REFUSED`.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_answer_signed(payhsm_ctx_t *ctx,
                                               uint32_t signing,
                                               const uint8_t *peer,
                                               size_t peer_len,
                                               const uint8_t *host_id,
                                               size_t host_id_len,
                                               const uint8_t *terminal_id,
                                               size_t terminal_id_len,
                                               size_t kbpk_len,
                                               const uint8_t *m1,
                                               uint8_t *m2,
                                               size_t m2_capacity,
                                               size_t *m2_len);

/*
 * As `payhsm_agreement_finish` for an agreement with signatures.
 *
 * Parameters: `m3`: `PAYHSM_AGREEMENT_SIGNED_M3_LEN` bytes. The rest is as in `payhsm_agreement_finish`.
 *
 * Returns: as `payhsm_agreement_finish`.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_finish_signed(payhsm_ctx_t *ctx,
                                               const uint8_t *m3,
                                               uint32_t *key,
                                               payhsm_key_info_t *info);

/*
 * Begins an agreement with a peer that proves nothing, as payment services in the cloud do it. Whoever can put another
 * public key on the way has the agreed key: prefer the other agreements.
 *
 * Parameters: `public_key`, `capacity`, `len`: receive the public key of a new ephemeral key, `PAYHSM_EC_PUBLIC_LEN`
 * bytes. An earlier agreement that was not finished is wiped.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED` unless policy permits it; `PAYHSM_ERR_ENTROPY`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_unauthenticated_begin(payhsm_ctx_t *ctx,
                                                       uint8_t *public_key,
                                                       size_t capacity,
                                                       size_t *len);

/*
 * Takes the peer's public key and makes the agreed key: usage K1, not exportable. Compare the check value with the
 * peer's. The agreement is over in every case.
 *
 * Parameters: `peer`, `peer_len`: 65 or 33 bytes; the decision callback is asked whether keys may be exchanged with its
 * owner, for nothing else does. `kdf_number`: `PAYHSM_KDF_...`. `shared_info`, `shared_info_len`: 1 to 1024 bytes that
 * both sides know, new for every agreement. `kbpk_len`: 16; 24 or 32 by policy. `mode`: `'D'` to take keys, `'E'` to
 * give keys. `key`, `info`: receive the handle and what is public; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none is waiting; `PAYHSM_ERR_REFUSED`; `PAYHSM_ERR_EC_POINT`;
 * `PAYHSM_ERR_INVALID_ARGUMENT` (key derivation), `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_KEY_BLOCK_MODE`, `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
 *
 * In libraries built with `ec`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_agreement_unauthenticated_finish(payhsm_ctx_t *ctx,
                                                        const uint8_t *peer,
                                                        size_t peer_len,
                                                        uint32_t kdf_number,
                                                        const uint8_t *shared_info,
                                                        size_t shared_info_len,
                                                        size_t kbpk_len,
                                                        uint8_t mode,
                                                        uint32_t *key,
                                                        payhsm_key_info_t *info);

/*
 * Ends a transaction: its keys are wiped, its handle names nothing.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_transaction_end(payhsm_ctx_t *ctx,
                                       uint32_t transaction);

/*
 * Tells the KSN of a transaction.
 *
 * Parameters: `ksn`, `ksn_capacity`, `ksn_len`: as `payhsm_dukpt_begin`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_transaction_ksn(payhsm_ctx_t *ctx,
                                       uint32_t transaction,
                                       uint8_t *ksn,
                                       size_t ksn_capacity,
                                       size_t *ksn_len);

/*
 * Chooses a working key of a transaction before its first use, at either end. Both ends must choose alike.
 *
 * Without a choice TDEA transactions use their own keys, AES transactions keys of the initial key's type, and requests
 * and responses are parted.
 *
 * Parameters: `purpose`: `PAYHSM_WORKING_...`. `key_type`: `PAYHSM_KEY_TYPE_...`; TDES2 with TDEA and the legacy purposes.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_INVALID_ARGUMENT`;
 * `PAYHSM_ERR_ALGORITHM_MISMATCH` for what DUKPT does not derive; `PAYHSM_ERR_KEY_STRENGTH` for a key stronger than the
 * initial key; `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_UNSUPPORTED` for a legacy key; `PAYHSM_ERR_BAD_STATE` if the key was used
 * already; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_transaction_select(payhsm_ctx_t *ctx,
                                          uint32_t transaction,
                                          uint32_t purpose,
                                          uint32_t key_type);

/*
 * Compares two secrets of the caller's in constant time: MACs, responses, tokens. What the module verifies needs no compare.
 *
 * Parameters: `a`, `b`: `len` bytes each.
 *
 * Returns: `PAYHSM_OK` if they are the same, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_LENGTH` for 0
 * bytes; `PAYHSM_ERR_NULL_POINTER`.
 *
 * Contract:
 * C1 and C2 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_ct_eq(const uint8_t *a,
                             const uint8_t *b,
                             size_t len);

/*
 * Tells whether the last digit of a PAN is the check digit of the others (ISO/IEC 7812-1, "Luhn"). The module's commands do
 * not ask: whoever reads or keys in the card does.
 *
 * Parameters: `pan`, `pan_len`: 1 to 19 ASCII digits.
 *
 * Returns: `PAYHSM_OK` if it is, `PAYHSM_ERR_INVALID_DIGIT` if not; `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_NULL_POINTER`.
 *
 * Contract:
 * C1 and C2 for `pan`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pan_check(const uint8_t *pan,
                                 size_t pan_len);

/*
 * Writes a PAN as it may be shown on receipts and in logs: the first six digits of 13 or more and the last four of 8 or
 * more, `*` for the others.
 *
 * Parameters: `pan`, `pan_len`: 1 to 19 ASCII digits. `text`: receives `PAYHSM_PAN_MAX_LEN` characters, as many as the PAN
 * has and zeros behind; wiped on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_OVERLAP`.
 *
 * Contract:
 * C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pan_mask(const uint8_t *pan,
                                size_t pan_len,
                                uint8_t *text);

/*
 * Loads a DUKPT initial key from a key block into a free group. The block says which scheme (`'T'` or `'A'`) and, in
 * its optional block KS or IK, which initial key.
 *
 * The state is stored before the call returns. An identity that the storage knows is refused: its counter would start
 * again.
 *
 * Parameters: as `payhsm_key_import`; usage B1, mode of use X. `group`, `info`: receive the handle and what is public;
 * zero on error.
 *
 * Returns: `PAYHSM_OK`; as `payhsm_key_import`; `PAYHSM_ERR_KEY_BLOCK_OPTIONAL` without KS or IK;
 * `PAYHSM_ERR_INVALID_KSN`; `PAYHSM_ERR_COUNTER_REPLAYED` for a known identity; `PAYHSM_ERR_SLOTS_FULL` without a free
 * group; `PAYHSM_ERR_LIMIT_REACHED` for a group that has used up eight initial keys; `PAYHSM_ERR_STORAGE`; the
 * context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_load(payhsm_ctx_t *ctx,
                                  uint32_t kbpk,
                                  uint32_t profile_number,
                                  const uint8_t *block,
                                  size_t block_len,
                                  uint32_t *group,
                                  payhsm_initial_key_info_t *info);

/*
 * Finds a group by its number, also one that was taken up from storage at the start.
 *
 * Parameters: `index`: 0 to `groups` - 1. `group`, `info`: as `payhsm_dukpt_load`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE` if nothing is there; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_find(payhsm_ctx_t *ctx,
                                  uint32_t index,
                                  uint32_t *group,
                                  payhsm_initial_key_info_t *info);

/*
 * Begins the next transaction of a group. The counter has moved on in storage before the call returns: whatever
 * happens now, this KSN does not come again. A transaction of the group that was not ended is ended.
 *
 * Parameters: `group`: from `payhsm_dukpt_load` or `payhsm_dukpt_find`. `transaction`: receives the handle whose keys
 * serve one PIN, the MACs and one message of data in each direction. `ksn`, `ksn_capacity`, `ksn_len`: receive the KSN
 * for the host, `PAYHSM_KSN_MAX_LEN` is enough. Zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_COUNTER_EXHAUSTED`, `PAYHSM_ERR_STORAGE`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL` (nothing is used up then); the context's errors.
 *
 * In libraries built with `terminal`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_begin(payhsm_ctx_t *ctx,
                                   uint32_t group,
                                   uint32_t *transaction,
                                   uint8_t *ksn,
                                   size_t ksn_capacity,
                                   size_t *ksn_len);

/*
 * Replaces a group's AES initial key by the one in a key block under its update key; the group's handle stays.
 *
 * Atomic: after an error the group goes on with the old key; a loss of power during the call leaves the old state or the
 * new one, whole. With success a transaction of the group is over and the next counter is 1.
 *
 * Parameters: `group`: of an AES initial key. `profile_number`: `PAYHSM_PROFILE_...`. `block`, `block_len`: ASCII, version
 * D, usage B1, algorithm A, mode of use X, optional block IK, from `payhsm_dukpt_export_update`. `info`: receives what is
 * public about the new key; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; `PAYHSM_ERR_ALGORITHM_MISMATCH` for a TDEA group; as
 * `payhsm_key_import`; `PAYHSM_ERR_KEY_BLOCK_OPTIONAL` without IK; `PAYHSM_ERR_KEY_STRENGTH`,
 * `PAYHSM_ERR_INVALID_KEY_LENGTH` for a key of another length; `PAYHSM_ERR_COUNTER_REPLAYED` for a known identity;
 * `PAYHSM_ERR_LIMIT_REACHED` for a group that has used up eight initial keys; `PAYHSM_ERR_STORAGE`; the context's
 * errors.
 *
 * In libraries built with `terminal`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_update(payhsm_ctx_t *ctx,
                                    uint32_t group,
                                    uint32_t profile_number,
                                    const uint8_t *block,
                                    size_t block_len,
                                    payhsm_initial_key_info_t *info);

/*
 * Gives up a group: its keys are erased here and in storage. What was used of its initial key stays remembered, so
 * that it cannot be loaded again.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * In libraries built with `terminal`.
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_dukpt_erase(payhsm_ctx_t *ctx,
                                   uint32_t group);

/*
 * Enciphers a PIN that was entered at this terminal.
 *
 * Parameters: `key`: a P0 key's or a terminal transaction's handle. `format_number`: `PAYHSM_PIN_FORMAT_...`. `pan`,
 * `pan_len`: ASCII digits with the check digit, 12 to 19, for formats 0 and 3 at least 13. `pin`: wiped in every
 * case. `block`, `block_capacity`, `block_len`: receive 8 or 16 bytes; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_PAN`,
 * `PAYHSM_ERR_INVALID_PIN`, `PAYHSM_ERR_LIMIT_REACHED` (a second PIN of one transaction),
 * `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * In libraries built with `terminal`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_encipher(payhsm_ctx_t *ctx,
                                    uint32_t key,
                                    uint32_t format_number,
                                    const uint8_t *pan,
                                    size_t pan_len,
                                    payhsm_pin_t *pin,
                                    uint8_t *block,
                                    size_t block_capacity,
                                    size_t *block_len);

/*
 * Makes a MAC.
 *
 * Parameters: `key`: a MAC key's or a transaction's handle; a terminal's transaction makes request MACs, a host's
 * response MACs. `mac_method`: `PAYHSM_MAC_...`; a key in a slot allows the algorithm of its usage. `data`: the message.
 * `wanted`: how many of the leftmost bytes: 4 to 8 (AES: 16), CMAC at least 8, HMAC 8 to 32, 48 or 64, UnionPay's 8. `mac`, `mac_capacity`, `mac_len`:
 * receive them; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_ARGUMENT` (method),
 * `PAYHSM_ERR_INVALID_LENGTH` (wanted), `PAYHSM_ERR_REFUSED` (a policy bit is missing), `PAYHSM_ERR_LIMIT_REACHED` (2^20
 * blocks of a DES or TDEA key), `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_generate(payhsm_ctx_t *ctx,
                                    uint32_t key,
                                    uint32_t mac_method,
                                    const uint8_t *data,
                                    size_t data_len,
                                    size_t wanted,
                                    uint8_t *mac,
                                    size_t mac_capacity,
                                    size_t *mac_len);

/*
 * Checks a MAC in constant time.
 *
 * Parameters: `key`, `mac_method`, `data`: as in `payhsm_mac_generate`; a terminal's transaction checks response MACs,
 * a host's request MACs. `mac`, `mac_len`: what came with the message; how long it must be is yours to know, not the
 * message's to say.
 *
 * Returns: `PAYHSM_OK` if it is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; otherwise as `payhsm_mac_generate`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_verify(payhsm_ctx_t *ctx,
                                  uint32_t key,
                                  uint32_t mac_method,
                                  const uint8_t *data,
                                  size_t data_len,
                                  const uint8_t *mac,
                                  size_t mac_len);

/*
 * Begins a message that comes in parts. A context has one such message; an unfinished one is wiped.
 *
 * Parameters: `key`, `mac_method`: as in `payhsm_mac_generate`. `purpose`: `PAYHSM_MAC_GENERATE` or `PAYHSM_MAC_VERIFY`.
 *
 * Returns: as `payhsm_mac_generate`.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_begin(payhsm_ctx_t *ctx,
                                 uint32_t key,
                                 uint32_t mac_method,
                                 uint32_t purpose);

/*
 * As `payhsm_mac_begin`, for the methods with padding 3, which put the length of the message in front.
 *
 * Parameters: `message_len`: how many bytes will come; the message must keep it. Other methods take no notice of it.
 *
 * Returns: as `payhsm_mac_generate`; a message of another length fails when it ends, with `PAYHSM_ERR_INVALID_LENGTH`.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_begin_sized(payhsm_ctx_t *ctx,
                                       uint32_t key,
                                       uint32_t mac_method,
                                       uint32_t purpose,
                                       uint64_t message_len);

/*
 * Checks a MAC and, if it is right, makes another one of the same message under another key.
 *
 * Parameters: `input_key`, `input_method`, `data`, `input_mac`: as in `payhsm_mac_verify`. `output_key`,
 * `output_method`, `wanted`, `mac`, `mac_capacity`, `mac_len`: as in `payhsm_mac_generate`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED` if the MAC is wrong; `PAYHSM_ERR_INVALID_ARGUMENT` also if both
 * keys are one; otherwise as those two.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_translate(payhsm_ctx_t *ctx,
                                     uint32_t input_key,
                                     uint32_t input_method,
                                     const uint8_t *data,
                                     size_t data_len,
                                     const uint8_t *input_mac,
                                     size_t input_mac_len,
                                     uint32_t output_key,
                                     uint32_t output_method,
                                     size_t wanted,
                                     uint8_t *mac,
                                     size_t mac_capacity,
                                     size_t *mac_len);

/*
 * Takes more of the message.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none was begun; `PAYHSM_ERR_LIMIT_REACHED`, and the message is over;
 * the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `data`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_update(payhsm_ctx_t *ctx,
                                  const uint8_t *data,
                                  size_t data_len);

/*
 * Ends a message that was begun with `PAYHSM_MAC_GENERATE`. It is over in every case.
 *
 * Parameters: `wanted`, `mac`, `mac_capacity`, `mac_len`: as in `payhsm_mac_generate`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` if none was begun, or one to verify; `PAYHSM_ERR_INVALID_LENGTH`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_finish(payhsm_ctx_t *ctx,
                                  size_t wanted,
                                  uint8_t *mac,
                                  size_t mac_capacity,
                                  size_t *mac_len);

/*
 * Drops and wipes a message that was begun and not ended; without one it does nothing. It does so in every state.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_BAD_STATE` (not a live context, or
 * a call is running).
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_mac_abort(payhsm_ctx_t *ctx);

/*
 * Ends a message that was begun with `PAYHSM_MAC_VERIFY`. It is over in every case.
 *
 * Returns: `PAYHSM_OK` if the MAC is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_BAD_STATE`,
 * `PAYHSM_ERR_INVALID_LENGTH`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `mac`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_mac_finish_verify(payhsm_ctx_t *ctx,
                                         const uint8_t *mac,
                                         size_t mac_len);

/*
 * Enciphers data: CBC over whole blocks, without padding.
 *
 * Parameters: `key`: a D0 key's or a transaction's handle; a terminal's transaction enciphers request data, a host's
 * response data, one message each. `iv`, `iv_len`: one block, 8 bytes (TDEA) or 16 (AES). `data`: whole blocks. `out`,
 * `out_capacity`, `out_len`: receive as many bytes; `out` may be `data`. Wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_LIMIT_REACHED`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_OVERLAP`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers, except that `out` may be `data`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_data_encipher(payhsm_ctx_t *ctx,
                                     uint32_t key,
                                     const uint8_t *iv,
                                     size_t iv_len,
                                     const uint8_t *data,
                                     size_t data_len,
                                     uint8_t *out,
                                     size_t out_capacity,
                                     size_t *out_len);

/*
 * Deciphers data: CBC over whole blocks. Check the message's MAC first.
 *
 * Parameters and returns: as `payhsm_data_encipher`; a terminal's transaction deciphers response data, a host's request
 * data.
 *
 * Contract:
 * As `payhsm_data_encipher`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_data_decipher(payhsm_ctx_t *ctx,
                                     uint32_t key,
                                     const uint8_t *iv,
                                     size_t iv_len,
                                     const uint8_t *data,
                                     size_t data_len,
                                     uint8_t *out,
                                     size_t out_capacity,
                                     size_t *out_len);

/*
 * Enciphers data: ECB over whole blocks. Equal blocks show; only for protocols that demand it.
 *
 * Parameters: `key`: a D0 key's handle; the key serves no other mode of operation. `data`: whole blocks. `out`,
 * `out_capacity`, `out_len`: receive as many bytes; `out` may be `data`. Wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED` (also a key that has served
 * another mode of operation), `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_REFUSED` (without
 * `PAYHSM_POLICY_ECB_DATA`), `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_LIMIT_REACHED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`,
 * `PAYHSM_ERR_OVERLAP`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers, except that `out` may be `data`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_data_ecb_encipher(payhsm_ctx_t *ctx,
                                         uint32_t key,
                                         const uint8_t *data,
                                         size_t data_len,
                                         uint8_t *out,
                                         size_t out_capacity,
                                         size_t *out_len);

/*
 * Deciphers data: ECB over whole blocks.
 *
 * Parameters and returns: as `payhsm_data_ecb_encipher`.
 *
 * Contract:
 * As `payhsm_data_ecb_encipher`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_data_ecb_decipher(payhsm_ctx_t *ctx,
                                         uint32_t key,
                                         const uint8_t *data,
                                         size_t data_len,
                                         uint8_t *out,
                                         size_t out_capacity,
                                         size_t *out_len);

/*
 * Enciphers or deciphers data of any length: CTR, which is its own inverse.
 *
 * Parameters: `key`: a D0 key's handle with mode of use B; the key serves no other mode of operation. `counter`,
 * `counter_len`: the first counter block, 8 bytes (TDEA) or 16 (AES), counted up as one number; none may come twice
 * under one key. `data`, `out`, `out_capacity`, `out_len`: as in `payhsm_data_ecb_encipher`.
 *
 * Returns: as `payhsm_data_ecb_encipher`, without `PAYHSM_ERR_REFUSED`.
 *
 * Contract:
 * As `payhsm_data_ecb_encipher`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_data_ctr(payhsm_ctx_t *ctx,
                                uint32_t key,
                                const uint8_t *counter,
                                size_t counter_len,
                                const uint8_t *data,
                                size_t data_len,
                                uint8_t *out,
                                size_t out_capacity,
                                size_t *out_len);

/*
 * Re-enciphers data from one key to another, CBC on both sides; the clear text does not leave.
 *
 * Parameters: `input_key`: a D0 key's handle with mode of use D or B, or a transaction, which serves one message.
 * `output_key`: another D0 key's handle with mode of use E or B. `input_iv`, `output_iv`: one block of each cipher. `data`:
 * whole blocks of both ciphers; long data may come in pieces under keys of slots, each with the last block of ciphertext
 * before it, on either side, as `iv`. `out`, `out_capacity`, `out_len`: as in `payhsm_data_ecb_encipher`.
 *
 * Returns: as `payhsm_data_encipher`; `PAYHSM_ERR_KEY_STRENGTH` for a weaker output key without
 * `PAYHSM_POLICY_WEAKER_PIN_KEY`; `PAYHSM_ERR_INVALID_ARGUMENT` if both keys are one.
 *
 * Contract:
 * As `payhsm_data_ecb_encipher`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_data_reencipher(payhsm_ctx_t *ctx,
                                       uint32_t input_key,
                                       const uint8_t *input_iv,
                                       size_t input_iv_len,
                                       const uint8_t *data,
                                       size_t data_len,
                                       uint32_t output_key,
                                       const uint8_t *output_iv,
                                       size_t output_iv_len,
                                       uint8_t *out,
                                       size_t out_capacity,
                                       size_t *out_len);

/*
 * Packs track 2 and enciphers of it what UnionPay terminals do: the 8 bytes that end one byte before the last. Most of
 * the PAN stays in clear.
 *
 * Parameters: `key`: a D0 TDEA key's handle, 16 bytes, with mode of use E or B. `track`, `track_len`: 17 to 40 ASCII
 * characters, digits with one `=` or `D`, without sentinels. `out`, `out_capacity`, `out_len`: receive half as many
 * bytes; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_REFUSED` (without `PAYHSM_POLICY_UNIONPAY`), `PAYHSM_ERR_TRACK`, `PAYHSM_ERR_LIMIT_REACHED`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_track2_encipher(payhsm_ctx_t *ctx,
                                       uint32_t key,
                                       const uint8_t *track,
                                       size_t track_len,
                                       uint8_t *out,
                                       size_t out_capacity,
                                       size_t *out_len);

/*
 * Deciphers and unpacks what `payhsm_track2_encipher` has made: the acquirer's side.
 *
 * Parameters: `key`: a D0 TDEA key's handle, 16 bytes, with mode of use D or B. `data`, `data_len`: as it came.
 * `characters`: their number, which came with it. `track`, `track_capacity`, `track_len`: receive as many ASCII
 * characters, `=` for the separator; wiped and 0 on error.
 *
 * Returns: as `payhsm_track2_encipher`; `PAYHSM_ERR_VERIFICATION_FAILED` if what comes out is no track.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_track2_decipher(payhsm_ctx_t *ctx,
                                       uint32_t key,
                                       const uint8_t *data,
                                       size_t data_len,
                                       size_t characters,
                                       uint8_t *track,
                                       size_t track_capacity,
                                       size_t *track_len);

/*
 * Reads the data field of a card's answer to GENERATE AC, template 77 or 80. The status words must have been 9000.
 *
 * Parameters: `data`, `data_len`: without the status words. `response`: receives it; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_TLV_...` and `PAYHSM_ERR_EMV_ELEMENT` for a malformed answer;
 * `PAYHSM_ERR_UNSUPPORTED` for one with combined data authentication; `PAYHSM_ERR_NULL_POINTER`,
 * `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`.
 *
 * Contract:
 * C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_emv_ac_response(const uint8_t *data,
                                       size_t data_len,
                                       payhsm_ac_response_t *response);

/*
 * Authenticates a card offline.
 *
 * Parameters: `method`: `PAYHSM_ODA_...`. `ca_key`: the key of the table with the RID of the AID and the index that the card
 * names (8F). `revoked`, `revoked_len`: the revocation list, entries of `PAYHSM_REVOKED_LEN` bytes. `transaction`: what
 * the terminal knows. `records`, `records_len`: the records as the AFL orders them; each is a byte with the short file
 * identifier, plus 80 if the AFL counts the record for offline data authentication, its length in two bytes,
 * big-endian, and the record as the card answered it, without the status words. `sent`, `sent_len`: of DDA the data of
 * INTERNAL AUTHENTICATE, of CDA the values for the PDOL, for CDOL1, and in the second GENERATE AC for CDOL2, one behind
 * the other; else nothing. `response`, `response_len`: of DDA the data field of the answer to INTERNAL AUTHENTICATE, of
 * CDA that of GENERATE AC; else nothing. `result`: receives what the card has shown; if the card is not authenticated,
 * `stage`, `fault` and `tvr` tell why and the rest is zero; zero on every other error.
 *
 * Returns: `PAYHSM_OK`: the card is authenticated. With a stage: `PAYHSM_ERR_TLV_MISSING`, `PAYHSM_ERR_NO_KEY`,
 * `PAYHSM_ERR_PAN_MISMATCH`, `PAYHSM_ERR_EXPIRED`, `PAYHSM_ERR_CERTIFICATE`, `PAYHSM_ERR_VERIFICATION_FAILED`. Without one:
 * `PAYHSM_ERR_INVALID_ARGUMENT` (the method, the exponent or the modulus of the CA key),
 * `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED` (the checksum of the CA key),
 * `PAYHSM_ERR_EMV_ELEMENT` (a date), `PAYHSM_ERR_RECORD` (the list of records), `PAYHSM_ERR_INVALID_LENGTH` (the
 * revocation list), `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`.
 *
 * In libraries built with `oda`.
 *
 * Contract:
 * C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_oda_verify(uint32_t method,
                                  const payhsm_ca_key_t *ca_key,
                                  const uint8_t *revoked,
                                  size_t revoked_len,
                                  const payhsm_oda_transaction_t *transaction,
                                  const uint8_t *records,
                                  size_t records_len,
                                  const uint8_t *sent,
                                  size_t sent_len,
                                  const uint8_t *response,
                                  size_t response_len,
                                  payhsm_oda_result_t *result);

/*
 * Makes the data of VERIFY with P2 88: a PIN that was entered at this terminal, enciphered for the card in it.
 *
 * Parameters: `ca_key`, `revoked`, `revoked_len`, `transaction`, `records`, `records_len`: as `payhsm_oda_verify`;
 * the card's key is recovered from them. `challenge`: 8 bytes, the card's answer to GET CHALLENGE, fetched for this
 * PIN. `pin`: wiped in every case. `data`, `data_capacity`, `data_len`: receive as many bytes as the card's key
 * has, at most `PAYHSM_OFFLINE_PIN_MAX_LEN`; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED` without `PAYHSM_POLICY_OFFLINE_PIN`; the errors of `payhsm_oda_verify`
 * (which tells more of a card that is not authenticated); `PAYHSM_ERR_INVALID_PIN`, `PAYHSM_ERR_BUFFER_TOO_SMALL`,
 * `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * In libraries built with `oda` and `terminal`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_offline_pin_encipher(payhsm_ctx_t *ctx,
                                            const payhsm_ca_key_t *ca_key,
                                            const uint8_t *revoked,
                                            size_t revoked_len,
                                            const payhsm_oda_transaction_t *transaction,
                                            const uint8_t *records,
                                            size_t records_len,
                                            const uint8_t *challenge,
                                            payhsm_pin_t *pin,
                                            uint8_t *data,
                                            size_t data_capacity,
                                            size_t *data_len);

/*
 * Makes the data of VERIFY with P2 80: a PIN that was entered at this terminal, in clear. Only where keypad,
 * library and card reader are in one protected housing.
 *
 * Parameters: `pin`: wiped in every case. `block`: receives 8 bytes; wiped on error. Wipe it when it was sent.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_REFUSED` without `PAYHSM_POLICY_PLAINTEXT_OFFLINE_PIN`;
 * `PAYHSM_ERR_INVALID_PIN`; the context's errors.
 *
 * In libraries built with `oda` and `terminal`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_offline_pin_plaintext(payhsm_ctx_t *ctx,
                                             payhsm_pin_t *pin,
                                             uint8_t *block);

/*
 * Derives the keys of a KSN from a BDK.
 *
 * The decision callback is asked whether the counter is new. End the transaction when the message is answered: it
 * holds a group.
 *
 * Parameters: `bdk`: a B0 key with mode of use X. `ksn`, `ksn_len`: 10 bytes for TDEA, 12 for AES. `transaction`:
 * receives the handle; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_KSN`, `PAYHSM_ERR_COUNTER_...`, the callback's answer,
 * `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_derive(payhsm_ctx_t *ctx,
                                    uint32_t bdk,
                                    const uint8_t *ksn,
                                    size_t ksn_len,
                                    uint32_t *transaction);

/*
 * Derives a terminal's initial key and wraps it for that terminal, with its KSN in the optional block KS or IK.
 *
 * Parameters: `bdk`: a B0 key with mode of use X. `id`, `id_len`: the initial key identifier, 10 bytes with zero
 * counter bits (TDEA) or 8 bytes (AES). `kbpk`: a K1 key with mode of use E or B. `block`, `block_capacity`,
 * `block_len`: receive ASCII; wiped and 0 on error. `kcv`: receives the 5-byte CMAC check value.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_KSN`, `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_BUFFER_TOO_SMALL`,
 * `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_export_initial_key(payhsm_ctx_t *ctx,
                                                uint32_t bdk,
                                                const uint8_t *id,
                                                size_t id_len,
                                                uint32_t kbpk,
                                                uint8_t *block,
                                                size_t block_capacity,
                                                size_t *block_len,
                                                uint8_t *kcv);

/*
 * Derives a terminal's next AES initial key and wraps it under the update key of its present one; neither key shows.
 *
 * Parameters: `bdk`, `id`, `id_len`: BDK (B0, mode of use X) and 8-byte initial key id of the key that the terminal has.
 * `new_bdk`, `new_id`, `new_id_len`: of the one that it gets; the same BDK is allowed, the same identifier is not.
 * `block`, `block_capacity`, `block_len`: receive ASCII; wiped and 0 on error. `kcv`: receives the 5-byte CMAC check
 * value of the new key.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_KEY_STRENGTH`,
 * `PAYHSM_ERR_INVALID_KEY_LENGTH` for BDKs of different lengths, `PAYHSM_ERR_INVALID_KSN`,
 * `PAYHSM_ERR_COUNTER_REPLAYED` for the same identifier, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the
 * context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_dukpt_export_update(payhsm_ctx_t *ctx,
                                           uint32_t bdk,
                                           const uint8_t *id,
                                           size_t id_len,
                                           uint32_t new_bdk,
                                           const uint8_t *new_id,
                                           size_t new_id_len,
                                           uint8_t *block,
                                           size_t block_capacity,
                                           size_t *block_len,
                                           uint8_t *kcv);

/*
 * Translates a PIN block to another key and format, for the same PAN.
 *
 * Parameters: `input_key`: a P0 key with mode of use D, or a transaction. `format_in`, `format_out`:
 * `PAYHSM_PIN_FORMAT_...`. `pan`, `pan_len`: ASCII digits. `block`, `block_len`: as it came. `output_key`: a P0 key with
 * mode of use E. `out`, `out_capacity`, `out_len`: receive 8 or 16 bytes; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`,
 * `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside
 * the block, `PAYHSM_ERR_LIMIT_REACHED`, `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_translate(payhsm_ctx_t *ctx,
                                     uint32_t input_key,
                                     uint32_t format_in,
                                     const uint8_t *pan,
                                     size_t pan_len,
                                     const uint8_t *block,
                                     size_t block_len,
                                     uint32_t output_key,
                                     uint32_t format_out,
                                     uint8_t *out,
                                     size_t out_capacity,
                                     size_t *out_len);

/*
 * Translates a PIN block as `payhsm_pin_translate` does, for a caller who has the PAN of the block and that of the message
 * it goes into: they must be the same.
 *
 * Parameters: `out_pan`, `out_pan_len`: the second PAN. The others as there: `input_key`: a P0 key with mode of use D, or a transaction. `format_in`, `format_out`:
 * `PAYHSM_PIN_FORMAT_...`. `pan`, `pan_len`: ASCII digits. `block`, `block_len`: as it came. `output_key`: a P0 key with
 * mode of use E. `out`, `out_capacity`, `out_len`: receive 8 or 16 bytes; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`,
 * `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_PAN_MISMATCH`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside
 * the block, `PAYHSM_ERR_LIMIT_REACHED`, `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_translate_pans(payhsm_ctx_t *ctx,
                                          uint32_t input_key,
                                          uint32_t format_in,
                                          const uint8_t *pan,
                                          size_t pan_len,
                                          const uint8_t *block,
                                          size_t block_len,
                                          uint32_t output_key,
                                          uint32_t format_out,
                                          const uint8_t *out_pan,
                                          size_t out_pan_len,
                                          uint8_t *out,
                                          size_t out_capacity,
                                          size_t *out_len);

/*
 * Divides a KSN as its key owner says: in hexadecimal digits, such as 10-5-5 or 6-5-5 (TDEA) and 8-8-8 (AES). For finding
 * the BDK; nothing is derived from the parts.
 *
 * The TDEA counter takes 21 bits, one more than its five digits: the device's number has one bit less than its digits. What
 * the parts leave over stands first and must be F.
 *
 * Parameters: `ksn`, `ksn_len`: 10 bytes (TDEA) or 12 (AES); complete the short form of 8 bytes with FF FF first.
 * `key_set_digits`, `device_digits`, `counter_digits`: 5 digits of counter mean TDEA, 8 AES. `fields`: receives the parts;
 * zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` for digits that do not fit; `PAYHSM_ERR_INVALID_KSN`;
 * `PAYHSM_ERR_NULL_POINTER`, `PAYHSM_ERR_MISALIGNED`, `PAYHSM_ERR_OVERLAP`.
 *
 * Contract:
 * C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_ksn_split(const uint8_t *ksn,
                                 size_t ksn_len,
                                 uint32_t key_set_digits,
                                 uint32_t device_digits,
                                 uint32_t counter_digits,
                                 payhsm_ksn_fields_t *fields);

/*
 * Makes the replay window of an initial key of which no counter was accepted. Keep one for each initial key, where it
 * outlives the process, and where nobody else can write.
 *
 * Parameters: `identity`, `identity_len`: the initial key identifier, 10 bytes with zero counter bits (TDEA) or 8 (AES), as
 * `PAYHSM_ASK_DUKPT_COUNTER` gives it. `back`: how many transactions before the newest are still accepted, once each; 0 if
 * counters must increase, at most `PAYHSM_REPLAY_MAX_BACK`. `window`: receives `PAYHSM_REPLAY_WINDOW_LEN` bytes; wiped on
 * error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_KSN`, `PAYHSM_ERR_INVALID_ARGUMENT` (`back`); `PAYHSM_ERR_NULL_POINTER`,
 * `PAYHSM_ERR_OVERLAP`.
 *
 * Contract:
 * C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_replay_new(const uint8_t *identity,
                                  size_t identity_len,
                                  uint32_t back,
                                  uint8_t *window);

/*
 * Tells whether a counter may still be accepted; nothing is changed. For the callback that is asked
 * `PAYHSM_ASK_DUKPT_COUNTER`, before anything of the message is authenticated.
 *
 * Parameters: `window`: `PAYHSM_REPLAY_WINDOW_LEN` bytes. `identity`, `identity_len`, `counter`: of the KSN.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_COUNTER_REPLAYED`; `PAYHSM_ERR_COUNTER_ZERO`, `PAYHSM_ERR_COUNTER_OVERWEIGHT`,
 * `PAYHSM_ERR_COUNTER_RESERVED`, `PAYHSM_ERR_INVALID_ARGUMENT` for what is no transaction; `PAYHSM_ERR_INVALID_KSN` for the
 * window of another initial key; `PAYHSM_ERR_RECORD` for what is no window; `PAYHSM_ERR_NULL_POINTER`.
 *
 * Contract:
 * C1 and C2 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_replay_check(const uint8_t *window,
                                    const uint8_t *identity,
                                    size_t identity_len,
                                    uint32_t counter);

/*
 * Marks a counter as used, when the MAC of its message has verified. Store the new window before the answer goes out.
 *
 * Parameters: `window`, `identity`, `identity_len`, `counter`: as in `payhsm_replay_check`, which is made again.
 * `new_window`: receives `PAYHSM_REPLAY_WINDOW_LEN` bytes; wiped on error. The old window stays as it is.
 *
 * Returns: as `payhsm_replay_check`; `PAYHSM_ERR_OVERLAP`.
 *
 * Contract:
 * C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_replay_accept(const uint8_t *window,
                                     const uint8_t *identity,
                                     size_t identity_len,
                                     uint32_t counter,
                                     uint8_t *new_window);

/*
 * Registers a profile for PINs of the IBM 3624; it stays until the context is closed. The decision callback is asked
 * first.
 *
 * Parameters: `profile`: what the issuer fixed. `number`: receives its number, 1 to 8, the same for the same profile; 0
 * on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_DIGIT` (table), `PAYHSM_ERR_INVALID_ARGUMENT` (a weak table, the pad,
 * reserved), `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_PAN` (`pan_len`), `PAYHSM_ERR_REFUSED`,
 * `PAYHSM_ERR_SLOTS_FULL`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_profile_register(payhsm_ctx_t *ctx,
                                            const payhsm_pin_profile_t *profile,
                                            uint32_t *number);

/*
 * Verifies an enciphered PIN against its PVV. The decision callback is asked first.
 *
 * Parameters: `input_key`, `format`, `pan`, `block`: as in `payhsm_pin_translate`. `pvk`: a V2 key with mode of use V
 * or C. `pvki`: 0 to 9. `pvv`: `PAYHSM_PVV_LEN` ASCII digits.
 *
 * Returns: `PAYHSM_OK` if the PIN is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_DIGIT`,
 * `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_RATE_LIMITED`; otherwise as
 * `payhsm_pin_translate`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_verify_pvv(payhsm_ctx_t *ctx,
                                      uint32_t input_key,
                                      uint32_t format,
                                      const uint8_t *pan,
                                      size_t pan_len,
                                      const uint8_t *block,
                                      size_t block_len,
                                      uint32_t pvk,
                                      uint32_t pvki,
                                      const uint8_t *pvv);

/*
 * Verifies an enciphered PIN by its offset of the IBM 3624. The decision callback is asked first.
 *
 * Parameters: `input_key`, `format`, `pan`, `block`: as in `payhsm_pin_translate`. `pvk`: a V1 key with mode of use V or
 * C. `profile`: a number of `payhsm_pin_profile_register`. `offset`, `offset_len`: ASCII digits, as many as the profile
 * says.
 *
 * Returns: `PAYHSM_OK` if the PIN is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_LENGTH` (block,
 * offset), `PAYHSM_ERR_INVALID_DIGIT`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_RATE_LIMITED`; otherwise as
 * `payhsm_pin_translate`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_verify_3624(payhsm_ctx_t *ctx,
                                       uint32_t input_key,
                                       uint32_t format,
                                       const uint8_t *pan,
                                       size_t pan_len,
                                       const uint8_t *block,
                                       size_t block_len,
                                       uint32_t pvk,
                                       uint32_t profile,
                                       const uint8_t *offset,
                                       size_t offset_len);

/*
 * Makes the PVV of an enciphered PIN: the issuer's side. The decision callback is asked first.
 *
 * Parameters: as in `payhsm_pin_verify_pvv`, but `pvk`: a V2 key with mode of use G or C; `format`: 0, 3 or 4; `pvv`:
 * receives `PAYHSM_PVV_LEN` ASCII digits; wiped on error.
 *
 * Returns: as `payhsm_pin_verify_pvv`; `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside the block.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pvv_generate(payhsm_ctx_t *ctx,
                                    uint32_t input_key,
                                    uint32_t format,
                                    const uint8_t *pan,
                                    size_t pan_len,
                                    const uint8_t *block,
                                    size_t block_len,
                                    uint32_t pvk,
                                    uint32_t pvki,
                                    uint8_t *pvv);

/*
 * Makes the offset of an enciphered PIN: the issuer's side. The decision callback is asked first.
 *
 * Parameters: as in `payhsm_pin_verify_3624`, but `pvk`: a V1 key with mode of use G or C; `format`: 0, 3 or 4;
 * `offset`, `offset_capacity`, `offset_len`: receive ASCII
 * digits; at least `PAYHSM_OFFSET_MAX_LEN` bytes; wiped and 0 on error.
 *
 * Returns: as `payhsm_pin_verify_3624`; `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside the block, and for
 * a PIN of another number of digits than the profile's; `PAYHSM_ERR_BUFFER_TOO_SMALL`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_offset_generate(payhsm_ctx_t *ctx,
                                           uint32_t input_key,
                                           uint32_t format,
                                           const uint8_t *pan,
                                           size_t pan_len,
                                           const uint8_t *block,
                                           size_t block_len,
                                           uint32_t pvk,
                                           uint32_t profile,
                                           uint8_t *offset,
                                           size_t offset_capacity,
                                           size_t *offset_len);

/*
 * Draws a PIN, and gives it enciphered and its PVV. The decision callback is asked first.
 *
 * Parameters: `output_key`: a P0 key with mode of use E. `pvk`: a V2 key with mode of use G or C. `pin_len`: 4 to 12.
 * `format`: 0, 3 or 4. `pvki`: 0 to 9. `pan`, `pan_len`: ASCII digits. `block`, `block_capacity`, `block_len`: receive 8
 * or 16 bytes; wiped and 0 on error. `pvv`: receives `PAYHSM_PVV_LEN` ASCII digits; wiped on error.
 *
 * PINs of one digit or of a run are drawn anew without `PAYHSM_POLICY_TRIVIAL_PINS`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_INVALID_PAN`,
 * `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_DIGIT`, `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_REFUSED`,
 * `PAYHSM_ERR_RATE_LIMITED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_ENTROPY`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_generate_pvv(payhsm_ctx_t *ctx,
                                        uint32_t output_key,
                                        uint32_t pvk,
                                        uint32_t pin_len,
                                        uint32_t format,
                                        uint32_t pvki,
                                        const uint8_t *pan,
                                        size_t pan_len,
                                        uint8_t *block,
                                        size_t block_capacity,
                                        size_t *block_len,
                                        uint8_t *pvv);

/*
 * Draws a PIN, and gives it enciphered and its offset. The decision callback is asked first.
 *
 * Parameters: as in `payhsm_pin_generate_pvv`; `pvk`: a V1 key with mode of use G or C. `profile`: a number of
 * `payhsm_pin_profile_register`, which says how many digits the PIN has. `offset`: receives as many ASCII digits as the
 * profile says, in a buffer of `PAYHSM_OFFSET_MAX_LEN` bytes; zeros behind; wiped on error.
 *
 * Returns: as `payhsm_pin_generate_pvv`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_generate_3624(payhsm_ctx_t *ctx,
                                         uint32_t output_key,
                                         uint32_t pvk,
                                         uint32_t format,
                                         uint32_t profile,
                                         const uint8_t *pan,
                                         size_t pan_len,
                                         uint8_t *block,
                                         size_t block_capacity,
                                         size_t *block_len,
                                         uint8_t *offset);

/*
 * Computes the PIN that belongs to an offset, and gives it enciphered: for a card that is sent its PIN again. The
 * decision callback is asked first.
 *
 * Parameters: as in `payhsm_pin_generate_3624`; `offset`, `offset_len`: ASCII digits, as many as the PIN has; zeros give
 * the natural PIN.
 *
 * Returns: as `payhsm_pin_generate_3624`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_derive_3624(payhsm_ctx_t *ctx,
                                       uint32_t output_key,
                                       uint32_t pvk,
                                       uint32_t format,
                                       uint32_t profile,
                                       const uint8_t *pan,
                                       size_t pan_len,
                                       const uint8_t *offset,
                                       size_t offset_len,
                                       uint8_t *block,
                                       size_t block_capacity,
                                       size_t *block_len);

/*
 * Changes a PIN: verifies the old one against its PVV and gives the PVV of the new one. The decision callback is asked
 * first; each call is a try.
 *
 * Parameters: `old_key`, `new_key`: P0 keys with mode of use D, or two transactions. `pvk`: a V2 key with mode of use C.
 * `old_format`, `new_format`, `pvki`, `pan`: as in `payhsm_pin_verify_pvv`. `old_block`, `new_block`: as they came.
 * `pvv`: the old PIN's, `PAYHSM_PVV_LEN` ASCII digits. `new_pvv`: receives as many; wiped on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_VERIFICATION_FAILED` for a wrong old PIN, whatever is wrong inside a block, and a new
 * PIN that is one digit or a run without `PAYHSM_POLICY_TRIVIAL_PINS`; otherwise as `payhsm_pin_verify_pvv`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_change_pvv(payhsm_ctx_t *ctx,
                                      uint32_t old_key,
                                      uint32_t new_key,
                                      uint32_t pvk,
                                      uint32_t old_format,
                                      uint32_t new_format,
                                      uint32_t pvki,
                                      const uint8_t *pan,
                                      size_t pan_len,
                                      const uint8_t *old_block,
                                      size_t old_block_len,
                                      const uint8_t *new_block,
                                      size_t new_block_len,
                                      const uint8_t *pvv,
                                      uint8_t *new_pvv);

/*
 * Changes a PIN: verifies the old one by its offset and gives the offset of the new one. The decision callback is asked
 * first; each call is a try.
 *
 * Parameters: as in `payhsm_pin_change_pvv`; `pvk`: a V1 key with mode of use C. `profile`: a number of
 * `payhsm_pin_profile_register`. `offset`, `offset_len`: the old PIN's, ASCII digits. `new_offset`,
 * `new_offset_capacity`, `new_offset_len`: receive the new PIN's; at least `PAYHSM_OFFSET_MAX_LEN` bytes; wiped and 0 on
 * error.
 *
 * Returns: as `payhsm_pin_change_pvv` and `payhsm_pin_verify_3624`; `PAYHSM_ERR_BUFFER_TOO_SMALL`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_pin_change_3624(payhsm_ctx_t *ctx,
                                       uint32_t old_key,
                                       uint32_t new_key,
                                       uint32_t pvk,
                                       uint32_t old_format,
                                       uint32_t new_format,
                                       uint32_t profile,
                                       const uint8_t *pan,
                                       size_t pan_len,
                                       const uint8_t *old_block,
                                       size_t old_block_len,
                                       const uint8_t *new_block,
                                       size_t new_block_len,
                                       const uint8_t *offset,
                                       size_t offset_len,
                                       uint8_t *new_offset,
                                       size_t new_offset_capacity,
                                       size_t *new_offset_len);

/*
 * Verifies an application cryptogram and answers it. The decision callback is asked whether the ATC is new.
 *
 * Parameters: `imk`: an E0 key with mode of use X. `scheme`: `PAYHSM_SCHEME_...`. `cvn`: the cryptogram version number
 * of the card, from your records. `pan`, `pan_len`: ASCII digits. `psn`: PAN sequence number, 0 to 99. `field55`:
 * BER-TLV. `answer`, `answer_len`: what the ARPC is made over: nothing, 2 bytes (method 1: authorisation response
 * code), or 4 to 12 (method 2: card status update and proprietary data). `issuer_auth`, `issuer_auth_capacity`,
 * `issuer_auth_len`: receive the value of tag 91; empty without an answer; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK` if the cryptogram is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not;
 * `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
 * `PAYHSM_ERR_UNSUPPORTED` (no such profile, or another method), `PAYHSM_ERR_TLV_...`, `PAYHSM_ERR_EMV_ELEMENT`,
 * `PAYHSM_ERR_IAD`, `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_REFUSED`,
 * `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_arqc_verify(payhsm_ctx_t *ctx,
                                   uint32_t imk,
                                   uint32_t scheme,
                                   uint32_t cvn,
                                   const uint8_t *pan,
                                   size_t pan_len,
                                   uint32_t psn,
                                   const uint8_t *field55,
                                   size_t field55_len,
                                   const uint8_t *answer,
                                   size_t answer_len,
                                   uint8_t *issuer_auth,
                                   size_t issuer_auth_capacity,
                                   size_t *issuer_auth_len);

/*
 * Verifies an application cryptogram of a card that has no profile, over bytes that the caller gives, and answers it. The
 * decision callback is asked whether the ATC is new. Only with `PAYHSM_POLICY_RAW_CRYPTOGRAM`.
 *
 * Parameters: `imk`: an E0 key with mode of use X. `raw`: the cryptogram, and how it is made. `pan`, `pan_len`: ASCII
 * digits. `data`, `data_len`: all that enters the cryptogram, in order, without padding. `answer`, `answer_len`,
 * `issuer_auth`, `issuer_auth_capacity`, `issuer_auth_len`: as in `payhsm_arqc_verify`.
 *
 * Returns: `PAYHSM_OK` if the cryptogram is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not;
 * `PAYHSM_ERR_USAGE_NOT_PERMITTED` also without the permission; `PAYHSM_ERR_INVALID_ARGUMENT`; otherwise as
 * `payhsm_arqc_verify`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_arqc_verify_raw(payhsm_ctx_t *ctx,
                                       uint32_t imk,
                                       const payhsm_raw_cryptogram_t *raw,
                                       const uint8_t *pan,
                                       size_t pan_len,
                                       const uint8_t *data,
                                       size_t data_len,
                                       const uint8_t *answer,
                                       size_t answer_len,
                                       uint8_t *issuer_auth,
                                       size_t issuer_auth_capacity,
                                       size_t *issuer_auth_len);

/*
 * Explains an application cryptogram in words: what the profile makes of the message and, if it does not match, how else
 * it was made: padding, issuer application data, session key, option, sequence number. The PAN is masked. The decision
 * callback is asked first. Only with `PAYHSM_POLICY_EXPLAIN_CRYPTOGRAM`: it is for the day on which a card is introduced.
 *
 * Parameters: `imk`, `scheme`, `cvn`, `pan`, `pan_len`, `psn`, `field55`, `field55_len`: as in `payhsm_arqc_verify`. `text`,
 * `text_capacity`, `text_len`: receive lines of ASCII, at most `PAYHSM_EXPLANATION_MAX_LEN` bytes, without a terminating
 * zero; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK` whether or not the cryptogram matches; `PAYHSM_ERR_INVALID_HANDLE`,
 * `PAYHSM_ERR_USAGE_NOT_PERMITTED` (also without the permission), `PAYHSM_ERR_MODE_NOT_PERMITTED`,
 * `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_UNSUPPORTED`, `PAYHSM_ERR_TLV_...`, `PAYHSM_ERR_EMV_ELEMENT`,
 * `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_arqc_explain(payhsm_ctx_t *ctx,
                                    uint32_t imk,
                                    uint32_t scheme,
                                    uint32_t cvn,
                                    const uint8_t *pan,
                                    size_t pan_len,
                                    uint32_t psn,
                                    const uint8_t *field55,
                                    size_t field55_len,
                                    uint8_t *text,
                                    size_t text_capacity,
                                    size_t *text_len);

/*
 * Writes a command of an issuer script, under secure messaging: header, data, MAC.
 *
 * Parameters: `imk_smi`: an E2 key with mode of use X, TDEA of 16 bytes. `imk_smc`: an E1 key likewise, with which the
 * data are enciphered; 0 leaves them in clear. `target`: card and request. `pan`, `pan_len`: ASCII digits. `command`:
 * `PAYHSM_SCRIPT_...`. `place`: the tag, or `sfi << 8 | record`; 0 for commands without data. `data`, `data_len`: the new
 * value or record. `out`, `out_capacity`, `out_len`: receive the command, at most `PAYHSM_SCRIPT_COMMAND_MAX_LEN` bytes;
 * wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_UNSUPPORTED` (no such profile, or none of its scripts), `PAYHSM_ERR_INVALID_PAN`,
 * `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_script_command(payhsm_ctx_t *ctx,
                                      uint32_t imk_smi,
                                      uint32_t imk_smc,
                                      const payhsm_script_target_t *target,
                                      const uint8_t *pan,
                                      size_t pan_len,
                                      uint32_t command,
                                      uint32_t place,
                                      const uint8_t *data,
                                      size_t data_len,
                                      uint8_t *out,
                                      size_t out_capacity,
                                      size_t *out_len);

/*
 * Writes a PIN CHANGE/UNBLOCK command with a new PIN that came enciphered. The PIN stays inside. The decision callback
 * is asked first, as for `payhsm_pin_translate`.
 *
 * Parameters: `imk_smi`: an E2 key, `imk_smc`: an E1 key, `imk_ac`: an E0 key, each with mode of use X, TDEA of 16
 * bytes; `imk_ac` only where the profile's PIN block is mixed with the card's key, else 0. `target`: card and request.
 * `pan`, `pan_len`: ASCII digits. `key`: a P0 key with mode of use D, or a transaction. `format`: `PAYHSM_PIN_FORMAT_...`.
 * `block`, `block_len`: the new PIN as it came. `current_key`, `current_format`, `current`, `current_len`: the PIN that
 * the card has, likewise, for a card that asks for it; 0, 0, `NULL`, 0 without. `out`, `out_capacity`, `out_len`: receive
 * the command, at most `PAYHSM_PIN_CHANGE_MAX_LEN` bytes; wiped and 0 on error.
 *
 * Returns: `PAYHSM_OK`; as `payhsm_script_command`; `PAYHSM_ERR_NO_KEY` if `imk_ac` is needed and not there;
 * `PAYHSM_ERR_FORMAT_NOT_PERMITTED`, `PAYHSM_ERR_KEY_STRENGTH`, `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_LIMIT_REACHED` for a
 * second PIN of one transaction, `PAYHSM_ERR_VERIFICATION_FAILED` for whatever is wrong inside a block.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_script_pin_change(payhsm_ctx_t *ctx,
                                         uint32_t imk_smi,
                                         uint32_t imk_smc,
                                         uint32_t imk_ac,
                                         const payhsm_script_target_t *target,
                                         const uint8_t *pan,
                                         size_t pan_len,
                                         uint32_t key,
                                         uint32_t format,
                                         const uint8_t *block,
                                         size_t block_len,
                                         uint32_t current_key,
                                         uint32_t current_format,
                                         const uint8_t *current,
                                         size_t current_len,
                                         uint8_t *out,
                                         size_t out_capacity,
                                         size_t *out_len);

/*
 * Verifies the PINs of many blocks against their PVVs: under DUKPT for each job what `payhsm_dukpt_derive`,
 * `payhsm_pin_verify_pvv` and `payhsm_transaction_end` do together, under a PIN key in a slot what the second does. The
 * decision callback is asked for each job.
 *
 * Parameters: `jobs`, `count`: the jobs. `statuses`: receives as many statuses, one for each job: those of the three
 * functions; `PAYHSM_ERR_INTERNAL` where none was found out because the call failed.
 *
 * Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_batch_pin_verify_pvv(payhsm_ctx_t *ctx,
                                            const payhsm_batch_pin_verify_t *jobs,
                                            size_t count,
                                            payhsm_status_t *statuses);

/*
 * Translates many PIN blocks: under DUKPT for each job what `payhsm_dukpt_derive`, `payhsm_pin_translate` and
 * `payhsm_transaction_end` do together, under a PIN key in a slot what the second does. The decision callback is asked for
 * each job.
 *
 * Parameters: `jobs`, `count`: the jobs. `blocks`: receives as many blocks, wiped where a job failed. `statuses`: as in
 * `payhsm_batch_pin_verify_pvv`.
 *
 * Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_batch_pin_translate(payhsm_ctx_t *ctx,
                                           const payhsm_batch_pin_translate_t *jobs,
                                           size_t count,
                                           payhsm_batch_pin_block_t *blocks,
                                           payhsm_status_t *statuses);

/*
 * Verifies many application cryptograms and answers them: for each job what `payhsm_arqc_verify` does. The decision
 * callback is asked for each cryptogram that has verified.
 *
 * Parameters: `jobs`, `count`: the jobs. `issuer_auths`: receives as many answers, wiped where a job failed.
 * `statuses`: as in `payhsm_batch_pin_verify_pvv`.
 *
 * Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_batch_arqc_verify(payhsm_ctx_t *ctx,
                                         const payhsm_batch_arqc_verify_t *jobs,
                                         size_t count,
                                         payhsm_batch_issuer_auth_t *issuer_auths,
                                         payhsm_status_t *statuses);

/*
 * Verifies the MACs of many messages under DUKPT: for each job what `payhsm_dukpt_derive`, `payhsm_mac_verify` and
 * `payhsm_transaction_end` do together. The decision callback is asked for each job.
 *
 * Parameters: `jobs`, `count`: the jobs. `data`, `data_len`: the messages, wherever the jobs say; some may share bytes.
 * `statuses`: receives as many statuses, one for each job: those of the three functions, `PAYHSM_ERR_INVALID_LENGTH` for a
 * message that is not all in `data`; `PAYHSM_ERR_INTERNAL` where none was found out because the call failed.
 *
 * Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_batch_mac_verify(payhsm_ctx_t *ctx,
                                        const payhsm_batch_mac_verify_t *jobs,
                                        size_t count,
                                        const uint8_t *data,
                                        size_t data_len,
                                        payhsm_status_t *statuses);

/*
 * Verifies many card verification values: for each job what `payhsm_cvv_verify` does. The decision callback is asked for
 * each job.
 *
 * Parameters: `jobs`, `count`: the jobs. `statuses`: receives as many statuses, one for each job;
 * `PAYHSM_ERR_INTERNAL` where none was found out because the call failed.
 *
 * Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_batch_cvv_verify(payhsm_ctx_t *ctx,
                                        const payhsm_batch_cvv_verify_t *jobs,
                                        size_t count,
                                        payhsm_status_t *statuses);

/*
 * Unwraps many key blocks into slots, one after the other: for each job what `payhsm_key_import` does.
 *
 * Parameters: `jobs`, `count`: the jobs. `blocks`, `blocks_len`: the key blocks, wherever the jobs say. `keys`: receives as
 * many keys, zeros where a job failed. `statuses`: receives as many statuses, one for each job;
 * `PAYHSM_ERR_INVALID_LENGTH` for a block that is not all in `blocks`; `PAYHSM_ERR_INTERNAL` where none was found out
 * because the call failed.
 *
 * Returns: `PAYHSM_OK` if every job has its status, whatever it is; the context's errors. Keys that came in stay.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_batch_key_import(payhsm_ctx_t *ctx,
                                        const payhsm_batch_key_import_t *jobs,
                                        size_t count,
                                        const uint8_t *blocks,
                                        size_t blocks_len,
                                        payhsm_batch_key_t *keys,
                                        payhsm_status_t *statuses);

/*
 * Makes a card verification value. The decision callback is asked first.
 *
 * Parameters: `cvk`: a C0 key with mode of use G or C, 16 bytes; a key that was used for printed values serves no others,
 * and the other way round, but for `PAYHSM_POLICY_SHARED_CVK`. `kind`: `PAYHSM_CVV_...`. `service_code`: of the track, 1
 * to 998; 0 for the other kinds. `pan`, `pan_len`: ASCII digits. `expiry`: `PAYHSM_EXPIRY_LEN` ASCII digits, YYMM for
 * every kind. `wanted`: digits, 3 to 5. `value`, `value_capacity`, `value_len`: receive ASCII digits; wiped and 0 on
 * error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`,
 * `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_KEY_LENGTH`,
 * `PAYHSM_ERR_INVALID_ARGUMENT` (kind, service code), `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_INVALID_DIGIT` (expiry),
 * `PAYHSM_ERR_INVALID_LENGTH` (wanted), `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the context's errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_cvv_generate(payhsm_ctx_t *ctx,
                                    uint32_t cvk,
                                    uint32_t kind,
                                    uint32_t service_code,
                                    const uint8_t *pan,
                                    size_t pan_len,
                                    const uint8_t *expiry,
                                    size_t wanted,
                                    uint8_t *value,
                                    size_t value_capacity,
                                    size_t *value_len);

/*
 * Verifies a card verification value. The decision callback is asked first: three digits are found by a thousand tries.
 *
 * Parameters: `cvk`: a C0 key with mode of use V or C; `kind`, `service_code`, `pan`, `expiry`: as in
 * `payhsm_cvv_generate`. `value`, `value_len`: 3 to 5 ASCII digits.
 *
 * Returns: `PAYHSM_OK` if it is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; otherwise as `payhsm_cvv_generate`.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_cvv_verify(payhsm_ctx_t *ctx,
                                  uint32_t cvk,
                                  uint32_t kind,
                                  uint32_t service_code,
                                  const uint8_t *pan,
                                  size_t pan_len,
                                  const uint8_t *expiry,
                                  const uint8_t *value,
                                  size_t value_len);

/*
 * Verifies the CVC3 of a contactless card in magnetic-stripe mode. The decision callback is asked first whether this card
 * may be tried, and at the end whether the ATC is new.
 *
 * Parameters: `imk`: an E4 key with mode of use X, 16 bytes. `option`: `PAYHSM_MASTER_KEY_...`. `pan`, `pan_len`: ASCII
 * digits. `psn`: PAN sequence number, 0 to 99. `track`, `track_len`: the static data of the track whose CVC3 it is, with
 * the places of UN, ATC and CVC3 as the card was made: characters of track 1, or nibbles of track 2 with D and F. `un`:
 * `PAYHSM_UN_LEN` bytes, the reader's number in BCD. `atc`: 0 to 65535. `value`, `value_len`: the digits that came, 3 to 5
 * ASCII digits.
 *
 * Returns: `PAYHSM_OK` if it is right, `PAYHSM_ERR_VERIFICATION_FAILED` if not; `PAYHSM_ERR_INVALID_HANDLE`,
 * `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`,
 * `PAYHSM_ERR_INVALID_KEY_LENGTH`, `PAYHSM_ERR_INVALID_ARGUMENT` (option, psn, atc), `PAYHSM_ERR_INVALID_PAN`,
 * `PAYHSM_ERR_TRACK`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_DIGIT`, `PAYHSM_ERR_REFUSED`; the context's
 * errors.
 *
 * In libraries built with `host`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_cvc3_verify(payhsm_ctx_t *ctx,
                                   uint32_t imk,
                                   uint32_t option,
                                   const uint8_t *pan,
                                   size_t pan_len,
                                   uint32_t psn,
                                   const uint8_t *track,
                                   size_t track_len,
                                   const uint8_t *un,
                                   uint32_t atc,
                                   const uint8_t *value,
                                   size_t value_len);

/*
 * Tells the next key of the inventory. Keys of all owners are in it.
 *
 * Parameters: `cursor`: 0 for the first key, then what `next` received. `next`, `key`, `info`: receive the cursor for the
 * next call, the handle and what is public; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NO_KEY` behind the last; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_next(payhsm_ctx_t *ctx,
                                uint32_t cursor,
                                uint32_t *next,
                                uint32_t *key,
                                payhsm_key_info_t *info);

/*
 * Tells what a key is bound to, and how far it has come.
 *
 * Parameters: `bounds`: receives it; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED` (another owner's); the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `bounds`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_bounds(payhsm_ctx_t *ctx,
                                  uint32_t key,
                                  payhsm_key_bounds_t *bounds);

/*
 * Narrows a key, and its copies with it. Nothing is ever widened.
 *
 * Parameters: `narrowing`: what shall be narrower.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
 * `PAYHSM_ERR_EXPORT_NOT_PERMITTED`, the `PAYHSM_ERR_KEY_BLOCK_...` errors, `PAYHSM_ERR_REFUSED` (wider than now),
 * `PAYHSM_ERR_INVALID_ARGUMENT` (day, flags), `PAYHSM_ERR_ABI_MISMATCH` (size), `PAYHSM_ERR_BAD_STATE` (no session open, or
 * the key is stored), `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 and C2 for `narrowing`, with as many bytes as its size says.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_narrow(payhsm_ctx_t *ctx,
                                  uint32_t key,
                                  const payhsm_narrowing_t *narrowing);

/*
 * Makes a key persistent: it is sealed in the storage with everything that belongs to it, and in its place again after a
 * start; find it with `payhsm_key_next`. `payhsm_key_erase` erases it there, too.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_BAD_STATE` (ends with
 * its session), `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_store(payhsm_ctx_t *ctx,
                                 uint32_t key);

/*
 * Gives a key the place of another, which is gone then; old or new, never both, also in the storage.
 *
 * Parameters: `old`: the key that goes; `new_key`: the one that takes its place, for the same usage and algorithm. `key`:
 * receives the handle of the key in its new place; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_NOT_AUTHENTICATED`, `PAYHSM_ERR_INVALID_ARGUMENT` (one
 * key), `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_KEY_BLOCK_KEY_VERSION` (older),
 * `PAYHSM_ERR_BAD_STATE` (stored already, or of a session), `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`
 * (as it was, under other handles); the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `key`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_key_replace(payhsm_ctx_t *ctx,
                                   uint32_t old,
                                   uint32_t new_key,
                                   uint32_t *key);

/*
 * Opens the session of an owner: keys that are bound to him can be used. One at a time. The decision callback is asked
 * (`PAYHSM_ASK_SESSION`).
 *
 * Parameters: `owner`: 1 to 65535. `session`: receives its number; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` (one is open), `PAYHSM_ERR_INVALID_ARGUMENT`, `PAYHSM_ERR_REFUSED`,
 * `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `session`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_session_open(payhsm_ctx_t *ctx,
                                    uint32_t owner,
                                    uint32_t *session);

/*
 * Closes a session: keys that are bound to it are erased, and those of its owner cannot be used.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
payhsm_status_t payhsm_session_close(payhsm_ctx_t *ctx,
                                     uint32_t session);

/*
 * Says what day it is, for keys that have days of use. Never an earlier one than before.
 *
 * Parameters: `today`: a number of eight digits: 20261231.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_ARGUMENT` (no day, or earlier), `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_set_date(payhsm_ctx_t *ctx,
                                uint32_t today);

/*
 * Begins the counts of persistent limits anew. The decision callback is asked (`PAYHSM_ASK_LIMITS_RESET`).
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` (limits are not persistent), `PAYHSM_ERR_REFUSED`,
 * `PAYHSM_ERR_LIMIT_REACHED` (log full), `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_limits_reset(payhsm_ctx_t *ctx);

/*
 * Tells how long a backup of the keys that are here is at most.
 *
 * Parameters: `len`: receives the bytes; 0 on error.
 *
 * Returns: `PAYHSM_OK`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `len`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_backup_len(payhsm_ctx_t *ctx,
                                  size_t *len);

/*
 * Writes a backup of the keys that may leave: not those that are not exportable, that have a limit of uses or end with a
 * session, and no DUKPT state.
 *
 * Parameters: `kbpk`: an AES `"K1"` key with mode of use `'E'` or `'B'` that serves nothing else. `backup`,
 * `backup_capacity`, `backup_len`: at most what `payhsm_backup_len` says.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
 * `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_BUFFER_TOO_SMALL`, `PAYHSM_ERR_STORAGE`, `PAYHSM_ERR_ENTROPY`,
 * `PAYHSM_ERR_LIMIT_REACHED` (log full); the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_backup_write(payhsm_ctx_t *ctx,
                                    uint32_t kbpk,
                                    uint8_t *backup,
                                    size_t backup_capacity,
                                    size_t *backup_len);

/*
 * Brings the keys of a backup back, all or none. The decision callback is asked (`PAYHSM_ASK_RESTORE`): for a backup of
 * another device or an older one it should want two officers.
 *
 * Parameters: `kbpk`: the key of the backup, with mode of use `'D'` or `'B'`. `backup`, `backup_len`: the backup. `keys`:
 * receives how many came; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
 * `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_RECORD` (no backup), `PAYHSM_ERR_VERIFICATION_FAILED` (altered, or a key is
 * here already), `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_SLOTS_FULL`, `PAYHSM_ERR_STORAGE`, `PAYHSM_ERR_LIMIT_REACHED` (log
 * full); the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_backup_restore(payhsm_ctx_t *ctx,
                                      uint32_t kbpk,
                                      const uint8_t *backup,
                                      size_t backup_len,
                                      uint32_t *keys);

/*
 * Opens the audit log and takes up what the storage has of it: once, right behind `payhsm_init`. Without it nothing is
 * logged.
 *
 * Parameters: `memory`, `memory_len`: a whole number of records, 8 to 2048 of `PAYHSM_AUDIT_RECORD_LEN` bytes, as many at
 * every start; they stay the module's until `payhsm_close`. `when_full`: `PAYHSM_AUDIT_...`.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` (open already), `PAYHSM_ERR_NO_KEY` (no storage key),
 * `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_INVALID_ARGUMENT` (`when_full`), `PAYHSM_ERR_STORAGE`,
 * `PAYHSM_ERR_STORAGE_INTEGRITY` (the log was altered: the module is tampered), `PAYHSM_ERR_TAMPERED`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `memory`, until `payhsm_close`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_open(payhsm_ctx_t *ctx,
                                  void *memory,
                                  size_t memory_len,
                                  uint32_t when_full);

/*
 * Tells how the log stands. In every state.
 *
 * Parameters: `status`: receives it; zero on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `status`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_status(payhsm_ctx_t *ctx,
                                    payhsm_audit_status_t *status);

/*
 * Reads out whole records. In every state.
 *
 * Parameters: `from`: the number of the first; an older one than there is: the oldest. `records`, `records_capacity`,
 * `records_len`: as many as the buffer takes; 0 behind the last. `next`: receives the number of the record that comes next.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log, `PAYHSM_ERR_BUFFER_TOO_SMALL` for less than a record; the
 * context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_read(payhsm_ctx_t *ctx,
                                  uint64_t from,
                                  uint8_t *records,
                                  size_t records_capacity,
                                  size_t *records_len,
                                  uint64_t *next);

/*
 * Says that the log was read up to a record: these may be overwritten. The decision callback is asked
 * (`PAYHSM_ASK_AUDIT_RELEASE`).
 *
 * Parameters: `read`: the number and the tag of the last record that was read.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log, `PAYHSM_ERR_INVALID_ARGUMENT` (no such record),
 * `PAYHSM_ERR_VERIFICATION_FAILED` (another tag), `PAYHSM_ERR_REFUSED`, `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 and C2 for `read`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_release(payhsm_ctx_t *ctx,
                                     const payhsm_audit_position_t *read);

/*
 * Notes something of the caller's in the log. The record's number identifies it for ever.
 *
 * Parameters: `reference`: 8 bytes. `pan`, `pan_len`: digits of the card, of which the log has a fingerprint; `NULL` and 0
 * without a card. `sequence`: receives the record's number; 0 on error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_BAD_STATE` without a log, `PAYHSM_ERR_INVALID_PAN`, `PAYHSM_ERR_LIMIT_REACHED` (full),
 * `PAYHSM_ERR_STORAGE`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_note(payhsm_ctx_t *ctx,
                                  const uint8_t *reference,
                                  const uint8_t *pan,
                                  size_t pan_len,
                                  uint64_t *sequence);

/*
 * Wraps the verification key of the log for whoever reads it: usage `"M6"`, algorithm `'A'`, mode of use `'V'`. The
 * decision callback is asked (`PAYHSM_ASK_AUDIT_KEY`).
 *
 * Parameters: `kbpk`: a protection key with mode of use `'E'` or `'B'`. `block`, `block_capacity`, `block_len`: as
 * `payhsm_key_export`.
 *
 * Returns: as `payhsm_key_export`; `PAYHSM_ERR_NO_KEY` (no storage key), `PAYHSM_ERR_REFUSED`.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_key_export(payhsm_ctx_t *ctx,
                                        uint32_t kbpk,
                                        uint8_t *block,
                                        size_t block_capacity,
                                        size_t *block_len);

/*
 * Verifies a part of another device's log.
 *
 * Parameters: `key`: the device's verification key. `records`, `records_len`: as `payhsm_audit_read` gave them. `after`:
 * where the part before it ended; `NULL`: unknown, and what was in front may be missing. `until`: where the device says
 * that its log ends; `NULL`: unknown, and records may be missing at the end. `end`: receives where the part ends; zero on
 * error.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_INVALID_HANDLE`, `PAYHSM_ERR_USAGE_NOT_PERMITTED`, `PAYHSM_ERR_MODE_NOT_PERMITTED`,
 * `PAYHSM_ERR_ALGORITHM_MISMATCH`, `PAYHSM_ERR_INVALID_LENGTH`, `PAYHSM_ERR_VERIFICATION_FAILED`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_audit_verify(payhsm_ctx_t *ctx,
                                    uint32_t key,
                                    const uint8_t *records,
                                    size_t records_len,
                                    const payhsm_audit_position_t *after,
                                    const payhsm_audit_position_t *until,
                                    payhsm_audit_position_t *end);

/*
 * Fetches the oldest alarm that waits. In every state.
 *
 * Parameters: `event`: receives it; all zero if none waits, and on error.
 *
 * Returns: `PAYHSM_OK`; the context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for `event`.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_next_event(payhsm_ctx_t *ctx,
                                  payhsm_event_t *event);

/*
 * Writes a status message for the host: state, tables, alarms, the end of the log, under the key of the log.
 *
 * Parameters: `nonce`: 16 bytes of the host's. `message`, `message_capacity`, `message_len`:
 * `PAYHSM_STATUS_MESSAGE_LEN` bytes; `docs/AUDIT.md` has the layout.
 *
 * Returns: `PAYHSM_OK`; `PAYHSM_ERR_NO_KEY` (no storage key), `PAYHSM_ERR_TAMPERED`, `PAYHSM_ERR_BUFFER_TOO_SMALL`; the
 * context's errors.
 *
 * Contract:
 * The context's contract; C1 to C3 for the pointers.
 */
PAYHSM_MUST_USE
payhsm_status_t payhsm_status_message(payhsm_ctx_t *ctx,
                                      const uint8_t *nonce,
                                      uint8_t *message,
                                      size_t message_capacity,
                                      size_t *message_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PAYHSM_H */
