/* What the parts of the fake library share: devices, and what every call does first. */
#ifndef FAKE_NVML_FAKE_H
#define FAKE_NVML_FAKE_H

#include "abi.h"
#include "scenario.h"

#include <stdbool.h>

#define MAX_GPUS 64u
#define MAX_INSTANCES 8u

struct fake_device {
    unsigned int gpu;
    int instance; /* its place among the GPU's MIG instances; -1: the GPU itself */
};

extern struct fake_device gpu_handles[MAX_GPUS];
extern struct fake_device instance_handles[MAX_GPUS][MAX_INSTANCES];

/* Each enters a call: logs it and returns its code. On success *held is the caller's to give back. */
nvmlReturn_t enter_unloaded(const char *call, scenario **held);                             /* before nvmlInit too */
nvmlReturn_t enter(const char *call, scenario **held);                                      /* without a device */
nvmlReturn_t enter_device(const char *call, const struct fake_device *device, scenario **held); /* blocks on a hang */

/* What a call on this device has to return before it answers anything; blocks while the device hangs. *held may be
   another one after it, or NULL with NVML_ERROR_UNKNOWN. */
nvmlReturn_t device_state(const char *call, const struct fake_device *device, scenario **held);

void device_key(char *key, const struct fake_device *device, const char *name);
const char *device_find(const scenario *held, const struct fake_device *device, const char *name);
bool device_number(const scenario *held, const struct fake_device *device, const char *name, unsigned long long *value);
unsigned int gpu_count(const scenario *held);
nvmlReturn_t copy_text(const char *value, char *out, unsigned int length);

/* Whole calls that answer one thing. */
nvmlReturn_t answer_number(const char *call, nvmlDevice_t device, const char *name, unsigned long long *value);
nvmlReturn_t answer_uint(const char *call, nvmlDevice_t device, const char *name, unsigned int *value);
nvmlReturn_t answer_place_uint(const char *call, nvmlDevice_t device, const char *name, unsigned int place, unsigned int *value);
nvmlReturn_t answer_text(const char *call, nvmlDevice_t device, const char *name, char *out, unsigned int length);

/* nvmlInit and nvmlShutdown, counted. */
void begin(const scenario *held);
void end(void);

#endif
