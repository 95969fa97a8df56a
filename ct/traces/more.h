/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Operations of the host besides those of firmware/proof. */
#ifndef TRACES_MORE_H
#define TRACES_MORE_H

#include "proof/proof.h"

extern const struct operation MORE[];
extern const size_t MORE_COUNT;

#endif
