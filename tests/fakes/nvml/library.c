/* The library itself, which devices there are, and MIG. */

#include "fake.h"

#include <string.h>

/* What a program can tell this library by from NVIDIA's. */
const int taximeter_fake_nvml = 1;

static nvmlReturn_t initialize(const char *call)
{
    scenario *held;
    nvmlReturn_t code = enter_unloaded(call, &held);
    if (code != NVML_SUCCESS)
        return code;
    for (unsigned int gpu = 0; gpu < MAX_GPUS; gpu++) {
        gpu_handles[gpu] = (struct fake_device){.gpu = gpu, .instance = -1};
        for (unsigned int instance = 0; instance < MAX_INSTANCES; instance++)
            instance_handles[gpu][instance] = (struct fake_device){.gpu = gpu, .instance = (int)instance};
    }
    begin(held);
    scenario_done(held);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void)
{
    return initialize("nvmlInit_v2");
}

nvmlReturn_t nvmlInitWithFlags(unsigned int flags)
{
    (void)flags;
    return initialize("nvmlInitWithFlags");
}

nvmlReturn_t nvmlShutdown(void)
{
    scenario *held;
    nvmlReturn_t code = enter("nvmlShutdown", &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    end();
    return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t result)
{
    (void)result;
    return "an error of the fake NVML library";
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    scenario *held;
    nvmlReturn_t code = enter("nvmlSystemGetDriverVersion", &held);
    if (code != NVML_SUCCESS)
        return code;
    code = copy_text(scenario_find(held, "driver_version"), version, length);
    scenario_done(held);
    return code;
}

/* ---- which devices there are ---- */

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
    scenario *held;
    if (count == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlDeviceGetCount_v2", &held);
    if (code != NVML_SUCCESS)
        return code;
    *count = gpu_count(held);
    scenario_done(held);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    scenario *held;
    if (device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlDeviceGetHandleByIndex_v2", &held);
    if (code != NVML_SUCCESS)
        return code;
    if (index >= gpu_count(held)) {
        code = NVML_ERROR_INVALID_ARGUMENT;
    } else {
        *device = &gpu_handles[index];
        code = device_state("nvmlDeviceGetHandleByIndex_v2", *device, &held);
    }
    if (held != NULL)
        scenario_done(held);
    return code;
}

static bool has_uuid(const scenario *held, const struct fake_device *device, const char *uuid)
{
    const char *own = device_find(held, device, "uuid");
    return own != NULL && strcmp(own, uuid) == 0;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    scenario *held;
    if (uuid == NULL || device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlDeviceGetHandleByUUID", &held);
    if (code != NVML_SUCCESS)
        return code;
    struct fake_device *found = NULL;
    for (unsigned int gpu = 0; found == NULL && gpu < gpu_count(held); gpu++) {
        if (has_uuid(held, &gpu_handles[gpu], uuid))
            found = &gpu_handles[gpu];
        for (unsigned int instance = 0; found == NULL && instance < MAX_INSTANCES; instance++)
            if (has_uuid(held, &instance_handles[gpu][instance], uuid))
                found = &instance_handles[gpu][instance];
    }
    *device = found;
    code = found == NULL ? NVML_ERROR_NOT_FOUND : device_state("nvmlDeviceGetHandleByUUID", found, &held);
    if (held != NULL)
        scenario_done(held);
    return code;
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned int length)
{
    return answer_text("nvmlDeviceGetUUID", device, "uuid", uuid, length);
}

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned int length)
{
    return answer_text("nvmlDeviceGetName", device, "name", name, length);
}

static nvmlReturn_t answer_place(const char *call, nvmlDevice_t device, unsigned int *place)
{
    scenario *held;
    if (place == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device(call, device, &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    *place = device->instance < 0 ? device->gpu : (unsigned int)device->instance;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned int *index)
{
    return answer_place("nvmlDeviceGetIndex", device, index);
}

nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t device, unsigned int *minor)
{
    return answer_place("nvmlDeviceGetMinorNumber", device, minor);
}

/* ---- MIG ---- */

nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    if (pending == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_uint("nvmlDeviceGetMigMode", device, "mig.mode", current);
    if (code == NVML_SUCCESS)
        *pending = *current;
    return code;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned int *count)
{
    return answer_uint("nvmlDeviceGetMaxMigDeviceCount", device, "mig.max", count);
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned int index, nvmlDevice_t *instance)
{
    scenario *held;
    if (instance == NULL || index >= MAX_INSTANCES)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetMigDeviceHandleByIndex", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    unsigned long long count = 0;
    device_number(held, device, "mig.count", &count);
    scenario_done(held);
    if (index >= count)
        return NVML_ERROR_NOT_FOUND;
    *instance = &instance_handles[device->gpu][index];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t instance, nvmlDevice_t *device)
{
    scenario *held;
    if (device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", instance, &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    if (instance->instance < 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    *device = &gpu_handles[instance->gpu];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_instance)
{
    scenario *held;
    if (is_instance == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceIsMigDeviceHandle", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    *is_instance = device->instance >= 0;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t instance, unsigned int *id)
{
    return answer_uint("nvmlDeviceGetGpuInstanceId", instance, "gpu_instance", id);
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t instance, unsigned int *id)
{
    return answer_uint("nvmlDeviceGetComputeInstanceId", instance, "compute_instance", id);
}

nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t instance, nvmlDeviceAttributes_t *attributes)
{
    unsigned int slices = 0;
    if (attributes == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_uint("nvmlDeviceGetAttributes_v2", instance, "compute_slices", &slices);
    if (code == NVML_SUCCESS)
        *attributes = (nvmlDeviceAttributes_t){.gpuInstanceSliceCount = slices, .computeInstanceSliceCount = slices};
    return code;
}
