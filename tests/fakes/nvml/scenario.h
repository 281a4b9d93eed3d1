/*
 * A scenario is a small text file, named by TAXIMETER_FAKE_NVML_SCENARIO, that says what the fake library answers. It is
 * looked at anew on every call, so that a test can change it while a program runs, and parsed anew when it has changed.
 *
 * It has lines `key = value`; `#` begins a comment line. Numbers are NVML's own raw ones (percent, bytes, milliwatts,
 * millijoules, MHz), so that garbage can be put in them too. A key that is not there: NVML_ERROR_NOT_SUPPORTED.
 *
 *   gpus = 2                                 how many there are
 *   driver_version = 570.86.15
 *   call_log = /tmp/calls                    a line with the name of every call is appended here
 *   error.nvmlInitWithFlags = 9              the code that a call without a device returns
 *   hang.nvmlInitWithFlags = 1               a call without a device blocks until the scenario says otherwise
 *   driver_load = 2                          how often the driver was loaded so far; 0: it is not loaded. What was
 *                                            initialized under another number no longer is. Absent: it is loaded
 *   counted_once = 1                         a GPU that comes is there only after NVML was initialized anew
 *   gpu.0.uuid = GPU-…                       also name, utilization, memory_total and so on: readings.c has the keys
 *   gpu.0.processes = 4242:1073741824 4243:-   pid:bytes; `-`: the driver does not know the bytes; empty: none run
 *   gpu.0.processes_unsettled = 2            before each answer so many calls find the list longer than the room for it
 *   gpu.0.process_utilization = 4242:1000:80 pid:timestamp:percent of the multiprocessors, a sample each
 *   gpu.0.utilization_samples = 1000:80      timestamp:percent, a sample each
 *   gpu.0.field.186 = 512000                 a field's value; `gpu.0.field.138.0` of one scope; `uint:5`, `double:0.5`,
 *                                            `int:-2` of another type than unsigned long long
 *   gpu.0.gpm.2 = 57.5                       a GPM metric, where gpu.0.gpm_supported = 1
 *   gpu.0.xids = 1:79 2:13                   number:code, an event each; a set delivers those that came after it
 *   gpu.0.error.nvmlDeviceGetPowerUsage = 3  the code that one call returns
 *   gpu.0.lost = 1                           every call on it returns NVML_ERROR_GPU_IS_LOST
 *   gpu.0.hang = 1                           every call on it blocks until the scenario says otherwise
 *   gpu.0.mig.mode = 1                       its instances: gpu.0.mig.count = 2; then gpu.0.mig.1.uuid and so on, with
 *                                            the keys of a GPU and gpu_instance, compute_instance, compute_slices;
 *                                            gpu.0.mig.max = 7: how many there can be
 */
#ifndef FAKE_NVML_SCENARIO_H
#define FAKE_NVML_SCENARIO_H

#include <stdbool.h>

#define KEY_LENGTH 160u

typedef struct scenario scenario;

/* What the file says now, to be given back; NULL if it cannot be read. */
scenario *scenario_now(void);
void scenario_done(scenario *held);

/* The value of a key without the spaces around it; NULL if the key is not there. */
const char *scenario_find(const scenario *held, const char *key);
bool scenario_number(const scenario *held, const char *key, unsigned long long *value);
bool scenario_is_set(const scenario *held, const char *key);

#endif
