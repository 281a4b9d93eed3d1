/* What a device says of itself, a number or two a call. */

#include "fake.h"

#include <stddef.h>
#include <stdio.h>

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
    scenario *held;
    unsigned long long gpu = 0, memory = 0;
    if (utilization == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetUtilizationRates", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    if (!device_number(held, device, "utilization", &gpu))
        code = NVML_ERROR_NOT_SUPPORTED;
    device_number(held, device, "utilization_memory", &memory);
    *utilization = (nvmlUtilization_t){.gpu = (unsigned int)gpu, .memory = (unsigned int)memory};
    scenario_done(held);
    return code;
}

static nvmlReturn_t answer_memory(const char *call, nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    scenario *held;
    nvmlReturn_t code = enter_device(call, device, &held);
    if (code != NVML_SUCCESS)
        return code;
    memory->reserved = 0;
    device_number(held, device, "memory_reserved", &memory->reserved);
    if (!device_number(held, device, "memory_total", &memory->total)
        || !device_number(held, device, "memory_used", &memory->used)
        || !device_number(held, device, "memory_free", &memory->free))
        code = NVML_ERROR_NOT_SUPPORTED;
    scenario_done(held);
    return code;
}

/* The first version counts what the driver reserved as used. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory)
{
    nvmlMemory_v2_t answer = {.version = NVML_MEMORY_V2};
    if (memory == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_memory("nvmlDeviceGetMemoryInfo", device, &answer);
    if (code == NVML_SUCCESS)
        *memory = (nvmlMemory_t){.total = answer.total, .free = answer.free, .used = answer.used + answer.reserved};
    return code;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    if (memory == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (memory->version != NVML_MEMORY_V2)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    return answer_memory("nvmlDeviceGetMemoryInfo_v2", device, memory);
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned int *milliwatts)
{
    return answer_uint("nvmlDeviceGetPowerUsage", device, "power", milliwatts);
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned int *milliwatts)
{
    return answer_uint("nvmlDeviceGetEnforcedPowerLimit", device, "power_limit", milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned int *milliwatts)
{
    return answer_uint("nvmlDeviceGetPowerManagementLimit", device, "power_limit", milliwatts);
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *millijoules)
{
    if (millijoules == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    return answer_number("nvmlDeviceGetTotalEnergyConsumption", device, "energy", millijoules);
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned int sensor, unsigned int *celsius)
{
    if (sensor != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    return answer_uint("nvmlDeviceGetTemperature", device, "temperature", celsius);
}

nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_v1_t *temperature)
{
    unsigned int celsius = 0;
    if (temperature == NULL || temperature->sensorType != NVML_TEMPERATURE_GPU)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (temperature->version != NVML_TEMPERATURE_V1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    nvmlReturn_t code = answer_uint("nvmlDeviceGetTemperatureV", device, "temperature", &celsius);
    if (code == NVML_SUCCESS)
        temperature->temperature = (int)celsius;
    return code;
}

/* ---- engines, clocks, limits ---- */

static nvmlReturn_t answer_engine(const char *call, nvmlDevice_t device, const char *name, unsigned int *percent, unsigned int *period_us)
{
    if (period_us == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    *period_us = 167000;
    return answer_uint(call, device, name, percent);
}

nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period_us)
{
    return answer_engine("nvmlDeviceGetEncoderUtilization", device, "encoder", percent, period_us);
}

nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period_us)
{
    return answer_engine("nvmlDeviceGetDecoderUtilization", device, "decoder", percent, period_us);
}

nvmlReturn_t nvmlDeviceGetJpgUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period_us)
{
    return answer_engine("nvmlDeviceGetJpgUtilization", device, "jpeg", percent, period_us);
}

nvmlReturn_t nvmlDeviceGetOfaUtilization(nvmlDevice_t device, unsigned int *percent, unsigned int *period_us)
{
    return answer_engine("nvmlDeviceGetOfaUtilization", device, "ofa", percent, period_us);
}

nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *memory)
{
    scenario *held;
    if (memory == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetBAR1MemoryInfo", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    if (!device_number(held, device, "bar1_total", &memory->bar1Total)
        || !device_number(held, device, "bar1_used", &memory->bar1Used)
        || !device_number(held, device, "bar1_free", &memory->bar1Free))
        code = NVML_ERROR_NOT_SUPPORTED;
    scenario_done(held);
    return code;
}

nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned int *milliwatts)
{
    return answer_uint("nvmlDeviceGetPowerManagementDefaultLimit", device, "power_default_limit", milliwatts);
}

nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned int *least, unsigned int *most)
{
    scenario *held;
    unsigned long long low = 0, high = 0;
    if (least == NULL || most == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetPowerManagementLimitConstraints", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    if (!device_number(held, device, "power_min_limit", &low) || !device_number(held, device, "power_max_limit", &high))
        code = NVML_ERROR_NOT_SUPPORTED;
    *least = (unsigned int)low;
    *most = (unsigned int)high;
    scenario_done(held);
    return code;
}

nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, unsigned int threshold, unsigned int *celsius)
{
    if (threshold >= NVML_TEMPERATURE_THRESHOLD_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    return answer_place_uint("nvmlDeviceGetTemperatureThreshold", device, "threshold", threshold, celsius);
}

nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_v1_t *margin)
{
    unsigned int celsius = 0;
    if (margin == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (margin->version != NVML_MARGIN_TEMPERATURE_V1)
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    nvmlReturn_t code = answer_uint("nvmlDeviceGetMarginTemperature", device, "margin", &celsius);
    if (code == NVML_SUCCESS)
        margin->marginTemperature = (int)celsius;
    return code;
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, unsigned int clock, unsigned int *megahertz)
{
    if (clock >= NVML_CLOCK_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    return answer_place_uint("nvmlDeviceGetClockInfo", device, "clock", clock, megahertz);
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, unsigned int clock, unsigned int *megahertz)
{
    if (clock >= NVML_CLOCK_COUNT)
        return NVML_ERROR_INVALID_ARGUMENT;
    return answer_place_uint("nvmlDeviceGetMaxClockInfo", device, "max_clock", clock, megahertz);
}

nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t device, unsigned int *state)
{
    return answer_uint("nvmlDeviceGetPerformanceState", device, "pstate", state);
}

static nvmlReturn_t answer_reasons(const char *call, nvmlDevice_t device, const char *name, unsigned long long *reasons)
{
    return reasons == NULL ? NVML_ERROR_INVALID_ARGUMENT : answer_number(call, device, name, reasons);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    return answer_reasons("nvmlDeviceGetCurrentClocksEventReasons", device, "reasons", reasons);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    return answer_reasons("nvmlDeviceGetCurrentClocksThrottleReasons", device, "reasons", reasons);
}

nvmlReturn_t nvmlDeviceGetSupportedClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    return answer_reasons("nvmlDeviceGetSupportedClocksEventReasons", device, "supported_reasons", reasons);
}

nvmlReturn_t nvmlDeviceGetSupportedClocksThrottleReasons(nvmlDevice_t device, unsigned long long *reasons)
{
    return answer_reasons("nvmlDeviceGetSupportedClocksThrottleReasons", device, "supported_reasons", reasons);
}

nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t device, unsigned int *count)
{
    return answer_uint("nvmlDeviceGetNumFans", device, "fans", count);
}

nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned int fan, unsigned int *percent)
{
    return answer_place_uint("nvmlDeviceGetFanSpeed_v2", device, "fan", fan, percent);
}

/* ---- links ---- */

nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned int *generation)
{
    return answer_uint("nvmlDeviceGetCurrPcieLinkGeneration", device, "pcie_generation", generation);
}

nvmlReturn_t nvmlDeviceGetCurrPcieLinkWidth(nvmlDevice_t device, unsigned int *width)
{
    return answer_uint("nvmlDeviceGetCurrPcieLinkWidth", device, "pcie_width", width);
}

nvmlReturn_t nvmlDeviceGetMaxPcieLinkGeneration(nvmlDevice_t device, unsigned int *generation)
{
    return answer_uint("nvmlDeviceGetMaxPcieLinkGeneration", device, "pcie_max_generation", generation);
}

nvmlReturn_t nvmlDeviceGetMaxPcieLinkWidth(nvmlDevice_t device, unsigned int *width)
{
    return answer_uint("nvmlDeviceGetMaxPcieLinkWidth", device, "pcie_max_width", width);
}

nvmlReturn_t nvmlDeviceGetPcieReplayCounter(nvmlDevice_t device, unsigned int *replays)
{
    return answer_uint("nvmlDeviceGetPcieReplayCounter", device, "pcie_replays", replays);
}

nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned int counter, unsigned int *kilobytes_per_second)
{
    if (counter > 1)
        return NVML_ERROR_INVALID_ARGUMENT;
    return answer_place_uint("nvmlDeviceGetPcieThroughput", device, "pcie_throughput", counter, kilobytes_per_second);
}

nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned int link, unsigned int *active)
{
    return answer_place_uint("nvmlDeviceGetNvLinkState", device, "nvlink", link, active);
}

/* ---- health ---- */

nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned int *current, unsigned int *pending)
{
    if (pending == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_uint("nvmlDeviceGetEccMode", device, "ecc_mode", current);
    if (code == NVML_SUCCESS)
        *pending = *current;
    return code;
}

nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, unsigned int kind, unsigned int counter, unsigned long long *count)
{
    char name[KEY_LENGTH];
    if (kind > 1 || counter > 1 || count == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    snprintf(name, sizeof name, "ecc.%u.%u", kind, counter);
    return answer_number("nvmlDeviceGetTotalEccErrors", device, name, count);
}

nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned int *corrected, unsigned int *uncorrected, unsigned int *pending, unsigned int *failure)
{
    const char *names[] = {"remapped_corrected", "remapped_uncorrected", "remapped_pending", "remapped_failure"};
    unsigned int *values[] = {corrected, uncorrected, pending, failure};
    scenario *held;
    nvmlReturn_t code = enter_device("nvmlDeviceGetRemappedRows", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    for (unsigned int place = 0; place < 4 && code == NVML_SUCCESS; place++) {
        unsigned long long value = 0;
        if (values[place] == NULL)
            code = NVML_ERROR_INVALID_ARGUMENT;
        else if (!device_number(held, device, names[place], &value))
            code = NVML_ERROR_NOT_SUPPORTED;
        else
            *values[place] = (unsigned int)value;
    }
    scenario_done(held);
    return code;
}
