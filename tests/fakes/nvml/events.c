/* XID errors, delivered to whoever registered for them. */

#define _POSIX_C_SOURCE 200809L

#include "fake.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fake_event_set {
    bool registered[MAX_GPUS];
    unsigned long long delivered[MAX_GPUS]; /* the number of the last event of each */
};

/* The first event of a GPU that is newer than `after`, or the newest one. */
static bool find_event(const scenario *held, const struct fake_device *gpu, unsigned long long after, bool newest, unsigned long long *number, unsigned long long *xid)
{
    const char *at = device_find(held, gpu, "xids");
    bool found = false;
    while (at != NULL && *at != '\0') {
        char *end;
        unsigned long long this = strtoull(at, &end, 10);
        unsigned long long code = strtoull(end + 1, &end, 10);
        if (this > after && (newest || !found)) {
            *number = this;
            *xid = code;
            found = true;
        }
        at = end + strspn(end, " ");
    }
    return found;
}

nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
    scenario *held;
    if (set == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlEventSetCreate", &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    *set = calloc(1, sizeof **set);
    return *set == NULL ? NVML_ERROR_UNKNOWN : NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
    scenario *held;
    nvmlReturn_t code = enter("nvmlEventSetFree", &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    free(set);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types)
{
    return types == NULL ? NVML_ERROR_INVALID_ARGUMENT : answer_number("nvmlDeviceGetSupportedEventTypes", device, "event_types", types);
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set)
{
    scenario *held;
    unsigned long long supported = 0, xid;
    if (set == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceRegisterEvents", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    device_number(held, device, "event_types", &supported);
    if (device->instance >= 0 || (types & ~supported) != 0) {
        code = NVML_ERROR_NOT_SUPPORTED;
    } else {
        set->registered[device->gpu] = (types & NVML_EVENT_XID) != 0;
        find_event(held, device, 0, true, &set->delivered[device->gpu], &xid);
    }
    scenario_done(held);
    return code;
}

static nvmlReturn_t poll_events(const scenario *held, nvmlEventSet_t set, nvmlEventData_t *data)
{
    for (unsigned int gpu = 0; gpu < gpu_count(held); gpu++) {
        unsigned long long xid;
        if (set->registered[gpu]
            && find_event(held, &gpu_handles[gpu], set->delivered[gpu], false, &set->delivered[gpu], &xid)) {
            *data = (nvmlEventData_t){&gpu_handles[gpu], NVML_EVENT_XID, xid, NVML_NO_INSTANCE, NVML_NO_INSTANCE};
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_TIMEOUT;
}

nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *data, unsigned int timeout_ms)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 1000 * 1000};
    if (set == NULL || data == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned int waited = 0;; waited++) {
        scenario *held;
        nvmlReturn_t code = waited == 0 ? enter("nvmlEventSetWait_v2", &held) : NVML_SUCCESS;
        if (code != NVML_SUCCESS)
            return code;
        if (waited > 0 && (held = scenario_now()) == NULL)
            return NVML_ERROR_UNKNOWN;
        code = poll_events(held, set, data);
        scenario_done(held);
        if (code == NVML_SUCCESS || waited >= timeout_ms)
            return code;
        nanosleep(&pause, NULL);
    }
}
