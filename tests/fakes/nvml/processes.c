/* Who runs on a device, and the samples that the driver keeps. */

#include "fake.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const char *next_word(const char *at)
{
    at += strcspn(at, " ");
    return at + strspn(at, " ");
}

/* Fills at most `room` infos from `pid:bytes pid:-`; returns how many processes there are. */
static unsigned int parse_processes(const char *at, nvmlProcessInfo_t *infos, unsigned int room)
{
    unsigned int count = 0;
    for (; *at != '\0'; at = next_word(at), count++) {
        char *after;
        unsigned long long bytes = NVML_VALUE_NOT_AVAILABLE;
        unsigned int pid = (unsigned int)strtoul(at, &after, 10);
        if (*after == ':' && after[1] != '-')
            bytes = strtoull(after + 1, NULL, 10);
        if (count < room)
            infos[count] = (nvmlProcessInfo_t){pid, bytes, NVML_NO_INSTANCE, NVML_NO_INSTANCE};
    }
    return count;
}

static bool has_settled(const scenario *held, const struct fake_device *device)
{
    static atomic_uint calls[MAX_GPUS];
    unsigned long long unsettled = 0;
    return !device_number(held, device, "processes_unsettled", &unsettled)
        || calls[device->gpu]++ % (unsettled + 1) == unsettled;
}

static nvmlReturn_t answer_processes(const char *call, nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)
{
    scenario *held;
    if (count == NULL || (*count > 0 && infos == NULL))
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device(call, device, &held);
    if (code != NVML_SUCCESS)
        return code;
    unsigned int room = *count;
    const char *list = device_find(held, device, "processes");
    if (list == NULL) {
        code = NVML_ERROR_NOT_SUPPORTED;
    } else if (!has_settled(held, device)) {
        *count = room + 1;
        code = NVML_ERROR_INSUFFICIENT_SIZE;
    } else {
        *count = parse_processes(list, infos, room);
        code = *count > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
    }
    scenario_done(held);
    return code;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)
{
    return answer_processes("nvmlDeviceGetComputeRunningProcesses_v2", device, count, infos);
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)
{
    return answer_processes("nvmlDeviceGetComputeRunningProcesses_v3", device, count, infos);
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples, unsigned int *count, unsigned long long since)
{
    scenario *held;
    if (count == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetProcessUtilization", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    unsigned int room = samples == NULL ? 0 : *count, found = 0;
    const char *at = device_find(held, device, "process_utilization");
    if (at == NULL)
        code = NVML_ERROR_NOT_SUPPORTED;
    for (; at != NULL && *at != '\0'; at = next_word(at)) {
        char *after;
        nvmlProcessUtilizationSample_t sample = {.pid = (unsigned int)strtoul(at, &after, 10)};
        sample.timeStamp = strtoull(after + 1, &after, 10);
        sample.smUtil = (unsigned int)strtoul(after + 1, NULL, 10);
        if (sample.timeStamp <= since)
            continue;
        if (found < room)
            samples[found] = sample;
        found++;
    }
    if (code == NVML_SUCCESS) {
        *count = found;
        code = found == 0 ? NVML_ERROR_NOT_FOUND : found > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
    }
    scenario_done(held);
    return code;
}

/* The driver's buffer has room for so many; without an array to fill, that is the answer. */
#define BUFFERED 120u

nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, unsigned int type, unsigned long long since, unsigned int *value_type, unsigned int *count, nvmlSample_t *samples)
{
    scenario *held;
    if (count == NULL || value_type == NULL || type != 1)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetSamples", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    unsigned int room = *count, found = 0;
    const char *at = device_find(held, device, "utilization_samples");
    *value_type = NVML_UINT;
    if (at == NULL) {
        code = NVML_ERROR_NOT_SUPPORTED;
    } else if (samples == NULL) {
        *count = BUFFERED;
    } else {
        for (; *at != '\0' && found < room; at = next_word(at)) {
            char *after;
            nvmlSample_t sample = {.timeStamp = strtoull(at, &after, 10)};
            sample.sampleValue.uiVal = (unsigned int)strtoul(after + 1, NULL, 10);
            if (sample.timeStamp > since)
                samples[found++] = sample;
        }
        *count = found;
        code = found == 0 ? NVML_ERROR_NOT_FOUND : NVML_SUCCESS;
    }
    scenario_done(held);
    return code;
}
