# SPDX-License-Identifier: MIT OR Apache-2.0
# What scripts/objects must refuse.
    .text
    .globl planted_gather, planted_index, planted_index_of_a_key, planted_branch, planted_branch_on_mask, planted_call
    .globl planted_constant_at_a_secret_index, planted_read_behind_a_public_address
planted_gather:
    vpcmpeqd %xmm2, %xmm2, %xmm2
    vpgatherdd %xmm2, (%rdi,%xmm1,4), %xmm0
    ret

planted_index:
    vmovd %xmm0, %eax
    mov %eax, %ecx
    and $63, %ecx
    movzbl (%rdi,%rcx), %eax
    ret

planted_index_of_a_key:
    mov (%rdi), %rax
    mov (%rax,%rsi,8), %rdx
    mov %rdx, -8(%rsp)
    xor %edx, %edx
    mov -8(%rsp), %rdx
    shr $58, %rdx
    movzbl (%rdi,%rdx), %eax
    ret

planted_branch:
    xor %ecx, %ecx
1:  vpextrq $1, %xmm0, %rax
    add $1, %ecx
    test $1, %al
    jne 2f
    cmp $16, %ecx
    jne 1b
2:  ret

planted_branch_on_mask:
    vptestmb %zmm0, %zmm0, %k1
    kortestq %k1, %k1
    je 1f
    nop
1:  ret

planted_call:
    call *%rax
    ret

# A table of the program may be read, but by what is public.
planted_constant_at_a_secret_index:
    vmovd %xmm0, %eax
    and $63, %eax
    movzbl 0x200000(%rax), %eax
    ret

# What an address is reckoned from is public, what stands there is not.
planted_read_behind_a_public_address:
    lea 8(%rdi), %rax
    mov 16(%rax), %rdx
    test %rdx, %rdx
    jne 1f
    nop
1:  ret
