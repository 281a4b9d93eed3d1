/* GPM: two samples of a device, and the metrics of the time between them. */

#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

struct fake_gpm_sample {
    nvmlDevice_t device; /* NULL: nothing in it yet */
};

nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *support)
{
    if (support == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (support->version != NVML_GPM_VERSION)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    return answer_uint("nvmlGpmQueryDeviceSupport", device, "gpm_supported", &support->isSupportedDevice);
}

nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *sample)
{
    scenario *held;
    if (sample == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlGpmSampleAlloc", &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    *sample = calloc(1, sizeof **sample);
    return *sample == NULL ? NVML_ERROR_UNKNOWN : NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample)
{
    scenario *held;
    if (sample == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlGpmSampleFree", &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    free(sample);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample)
{
    scenario *held;
    if (sample == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlGpmSampleGet", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    scenario_done(held);
    sample->device = device;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned int gpu_instance, nvmlGpmSample_t sample)
{
    scenario *held;
    if (sample == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlGpmMigSampleGet", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    code = NVML_ERROR_INVALID_ARGUMENT;
    for (unsigned int place = 0; device->instance < 0 && place < MAX_INSTANCES; place++) {
        unsigned long long id;
        nvmlDevice_t instance = &instance_handles[device->gpu][place];
        if (device_number(held, instance, "gpu_instance", &id) && id == gpu_instance) {
            sample->device = instance;
            code = NVML_SUCCESS;
        }
    }
    scenario_done(held);
    return code;
}

nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *metrics)
{
    scenario *held;
    if (metrics == NULL || metrics->sample1 == NULL || metrics->sample2 == NULL || metrics->sample1 == metrics->sample2)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (metrics->version != NVML_GPM_VERSION)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    nvmlDevice_t device = metrics->sample1->device;
    if (device == NULL || device != metrics->sample2->device)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlGpmMetricsGet", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    for (unsigned int place = 0; place < metrics->numMetrics; place++) {
        char name[KEY_LENGTH];
        nvmlGpmMetric_t *metric = &metrics->metrics[place];
        snprintf(name, sizeof name, "gpm.%u", metric->metricId);
        const char *value = device_find(held, device, name);
        metric->nvmlReturn = value == NULL ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
        metric->value = value == NULL ? 0 : strtod(value, NULL);
    }
    scenario_done(held);
    return NVML_SUCCESS;
}
