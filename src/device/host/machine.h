/* What the operating system says of this machine's processor and memory. */
#ifndef CLGI_MACHINE_H
#define CLGI_MACHINE_H

#include <stdint.h>

typedef struct clgi_machine {
    char name[128], vendor[64];
    uint64_t memory_bytes;
    uint32_t processors; /* that this process may use */
} clgi_machine;

/* Read once per process. */
const clgi_machine *clgi_machine_describe(void);

#endif
