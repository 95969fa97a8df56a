# SPDX-License-Identifier: MIT OR Apache-2.0
# Boot sector: loads the rest of the image above the first megabyte, enters long mode with AVX-512 switched on, calls `start`.
    .section .boot, "awx"
    .code16
    .globl boot
boot:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7000, %sp
    movb %dl, drive
    movw $IMAGE_BLOCKS, %cx         # of 32 KiB each
1:  movw $packet, %si
    movb $0x42, %ah
    movb drive, %dl
    pushw %cx
    int $0x13
    jc failed
    movw $move, %si                 # from where the disk's functions reach to where they do not
    movw $0x4000, %cx               # words
    movb $0x87, %ah
    int $0x15
    jc failed
    popw %cx
    addl $64, packet + 8            # sector
    addl $0x8000, move + 26         # address
    loop 1b

    inb $0x92, %al                  # the odd megabytes, too
    orb $2, %al
    andb $0xFE, %al
    outb %al, $0x92

    # Two pages of 2 MiB, mapped to themselves: the image, the stack.
    movl $0x1000, %edi
    xorl %eax, %eax
    movl $0x3000, %ecx
    cld
    rep stosb
    movl $0x2003, 0x1000
    movl $0x3003, 0x2000
    movl $0x0083, 0x3000
    movl $0x200083, 0x3008
    movl $0x1000, %eax
    movl %eax, %cr3

    movl %cr4, %eax
    orl $0x40620, %eax              # PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
    movl %eax, %cr4
    movl $0xC0000080, %ecx          # EFER: long mode
    rdmsr
    orl $0x100, %eax
    wrmsr
    lgdt table
    movl %cr0, %eax
    andl $0xFFFFFFFB, %eax          # no emulation of the floating point unit
    orl $0x80000003, %eax           # paging, monitor, protection
    movl %eax, %cr0
    ljmp $8, $long
failed:
    hlt
    jmp failed

    .code64
long:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x400000, %esp
    xorl %ecx, %ecx
    xorl %edx, %edx
    movl $0xE7, %eax                # x87, XMM, YMM, masks, ZMM
    xsetbv
    call start
1:  hlt
    jmp 1b

    .balign 8
descriptors:
    .quad 0
    .quad 0x00209A0000000000        # code, 64 bits
    .quad 0x0000920000000000        # data
table:
    .word . - descriptors - 1
    .long descriptors
    .balign 4
packet:
    .byte 16, 0
    .word 64                        # sectors
    .word 0, 0x1000                 # to 1000:0000
    .quad 1                         # from
move:
    .quad 0, 0
    .quad 0x000093010000FFFF        # from 10000
    .quad 0x000093100000FFFF        # to 100000
    .quad 0, 0
drive:
    .byte 0
    .org 510
    .word 0xAA55
    .code64

# What the compiler calls.
    .text
    .globl memcpy, memset, bcmp, memcmp
memcpy:
    movq %rdi, %rax
    movq %rdx, %rcx
    rep movsb
    ret
memset:
    movq %rdi, %r8
    movl %esi, %eax
    movq %rdx, %rcx
    rep stosb
    movq %r8, %rax
    ret
bcmp:
memcmp:
    xorl %eax, %eax
    movq %rdx, %rcx
    cmpq %rcx, %rcx
    repe cmpsb
    setne %al
    ret
