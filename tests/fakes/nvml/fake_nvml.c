/*
 * A libnvidia-ml.so.1 without a GPU: it answers NVML's calls from a scenario, a small text file named by
 * TAXIMETER_FAKE_NVML_SCENARIO and read anew on every call, so that a test can change it while a program runs.
 *
 * A scenario has lines `key = value`; `#` begins a comment line. Numbers are NVML's own raw ones (percent, bytes,
 * milliwatts, millijoules), so that garbage can be put in them too. A key that is not there: NVML_ERROR_NOT_SUPPORTED.
 *
 *   gpus = 2                                 how many there are
 *   driver_version = 570.86.15
 *   call_log = /tmp/calls                    a line with the name of every call is appended here
 *   error.nvmlInitWithFlags = 9              the code that a call without a device returns
 *   hang.nvmlInitWithFlags = 1               a call without a device blocks until the scenario says otherwise
 *   driver_load = 2                          how often the driver was loaded so far; 0: it is not loaded. What was
 *                                            initialized under another number no longer is. Absent: it is loaded
 *   gpu.0.uuid = GPU-…                       also name, utilization, memory_total, memory_used, memory_free,
 *                                            memory_reserved, power, power_limit, energy, temperature
 *   gpu.0.processes = 4242:1073741824 4243:-   pid:bytes; `-`: the driver does not know the bytes; empty: none run
 *   gpu.0.process_utilization = 4242:1000:80 pid:timestamp:percent of the multiprocessors, a sample each
 *   gpu.0.error.nvmlDeviceGetPowerUsage = 3  the code that one call returns
 *   gpu.0.lost = 1                           every call on it returns NVML_ERROR_GPU_IS_LOST
 *   gpu.0.hang = 1                           every call on it blocks until the scenario says otherwise
 *   gpu.0.mig.mode = 1                       its instances: gpu.0.mig.count = 2; then gpu.0.mig.1.uuid and so on, with
 *                                            the keys of a GPU and gpu_instance, compute_instance, compute_slices;
 *                                            gpu.0.mig.max = 7: how many there can be
 */
#define _POSIX_C_SOURCE 200809L

#include "abi.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_GPUS 64u
#define MAX_INSTANCES 8u
#define KEY_LENGTH 160u

struct fake_device {
    unsigned int gpu;
    int instance; /* its place among the GPU's MIG instances; -1: the GPU itself */
};

static struct fake_device gpu_handles[MAX_GPUS];
static struct fake_device instance_handles[MAX_GPUS][MAX_INSTANCES];
static atomic_int initialized;
static atomic_ullong initialized_load; /* the `driver_load` that it was initialized under */

/* ---- the scenario ---- */

static char *scenario_load(void)
{
    const char *path = getenv("TAXIMETER_FAKE_NVML_SCENARIO");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *text = NULL;
    if (file >= 0 && fstat(file, &status) == 0) {
        size_t size = (size_t)status.st_size, filled = 0;
        text = malloc(size + 1);
        while (text != NULL && filled < size) {
            ssize_t got = read(file, text + filled, size - filled);
            if (got <= 0)
                break;
            filled += (size_t)got;
        }
        if (text != NULL)
            text[filled] = '\0';
    }
    if (file >= 0)
        close(file);
    if (text == NULL)
        fprintf(stderr, "fake NVML: TAXIMETER_FAKE_NVML_SCENARIO names no readable file: %s\n", path ? path : "(unset)");
    return text;
}

/* The value of a key, without the spaces around it; NULL if the key is not there. It ends at *end, not at a NUL. */
static const char *scenario_find(const char *text, const char *key, const char **end)
{
    size_t length = strlen(key);
    for (const char *line = text; *line != '\0';) {
        const char *stop = line + strcspn(line, "\n");
        if (strncmp(line, key, length) == 0) {
            const char *at = line + length;
            while (*at == ' ')
                at++;
            if (*at == '=') {
                at++;
                while (*at == ' ')
                    at++;
                *end = stop;
                while (*end > at && (*end)[-1] == ' ')
                    (*end)--;
                return at;
            }
        }
        line = *stop == '\0' ? stop : stop + 1;
    }
    return NULL;
}

static bool scenario_number(const char *text, const char *key, unsigned long long *value)
{
    const char *end;
    const char *at = scenario_find(text, key, &end);
    if (at == NULL || at == end)
        return false;
    *value = strtoull(at, NULL, 10);
    return true;
}

static bool scenario_is_set(const char *text, const char *key)
{
    unsigned long long value;
    return scenario_number(text, key, &value) && value != 0;
}

static nvmlReturn_t scenario_text(const char *text, const char *key, char *out, unsigned int length)
{
    const char *end;
    const char *at = scenario_find(text, key, &end);
    if (out == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (at == NULL)
        return NVML_ERROR_NOT_SUPPORTED;
    size_t size = (size_t)(end - at);
    if (size >= length)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    memcpy(out, at, size);
    out[size] = '\0';
    return NVML_SUCCESS;
}

static void device_key(char *key, const struct fake_device *device, const char *name)
{
    if (device->instance < 0)
        snprintf(key, KEY_LENGTH, "gpu.%u.%s", device->gpu, name);
    else
        snprintf(key, KEY_LENGTH, "gpu.%u.mig.%d.%s", device->gpu, device->instance, name);
}

static bool device_number(const char *text, const struct fake_device *device, const char *name, unsigned long long *value)
{
    char key[KEY_LENGTH];
    device_key(key, device, name);
    return scenario_number(text, key, value);
}

static unsigned int gpu_count(const char *text)
{
    unsigned long long count = 0;
    scenario_number(text, "gpus", &count);
    return count > MAX_GPUS ? MAX_GPUS : (unsigned int)count;
}

/* ---- what every call does first ---- */

static void log_call(const char *text, const char *call)
{
    char path[1024], line[128];
    if (scenario_text(text, "call_log", path, sizeof path) != NVML_SUCCESS)
        return;
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0)
        return;
    int length = snprintf(line, sizeof line, "%s\n", call);
    if (write(file, line, (size_t)length) != length)
        fprintf(stderr, "fake NVML: cannot write to %s\n", path);
    close(file);
}

static bool is_handle(const struct fake_device *device)
{
    const struct fake_device *instances = &instance_handles[0][0];
    return (device >= gpu_handles && device < gpu_handles + MAX_GPUS)
        || (device >= instances && device < instances + MAX_GPUS * MAX_INSTANCES);
}

static unsigned long long driver_load(const char *text)
{
    unsigned long long load = 1;
    scenario_number(text, "driver_load", &load);
    return load;
}

/* Blocks for as long as the scenario has the key set; *text is loaded anew meanwhile, NULL if it cannot be. */
static void hang(const char *key, char **text)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 3 * 1000 * 1000};
    while (*text != NULL && scenario_is_set(*text, key)) {
        free(*text);
        nanosleep(&pause, NULL);
        *text = scenario_load();
    }
}

/* Loads the scenario for a call without a device. On success *text is the caller's to free. */
static nvmlReturn_t enter_library(const char *call, char **text)
{
    char key[KEY_LENGTH];
    unsigned long long code = NVML_SUCCESS;
    *text = scenario_load();
    if (*text == NULL)
        return NVML_ERROR_UNKNOWN;
    log_call(*text, call);
    snprintf(key, sizeof key, "hang.%s", call);
    hang(key, text);
    if (*text == NULL)
        return NVML_ERROR_UNKNOWN;
    snprintf(key, sizeof key, "error.%s", call);
    scenario_number(*text, key, &code);
    if (driver_load(*text) == 0)
        code = NVML_ERROR_DRIVER_NOT_LOADED;
    if (code != NVML_SUCCESS) {
        free(*text);
        *text = NULL;
    }
    return (nvmlReturn_t)code;
}

static nvmlReturn_t enter(const char *call, char **text)
{
    nvmlReturn_t code = enter_library(call, text);
    if (code == NVML_SUCCESS && (initialized == 0 || driver_load(*text) != initialized_load)) {
        free(*text);
        *text = NULL;
        return NVML_ERROR_UNINITIALIZED;
    }
    return code;
}

/* What a call on this device has to return before it answers anything; blocks while the device hangs. */
static nvmlReturn_t device_state(const char *call, const struct fake_device *device, char **text)
{
    const struct fake_device *gpu = &gpu_handles[device->gpu];
    char key[KEY_LENGTH], name[KEY_LENGTH];
    unsigned long long code = NVML_SUCCESS;

    device_key(key, gpu, "hang");
    hang(key, text);
    if (*text == NULL)
        return NVML_ERROR_UNKNOWN;
    device_key(key, gpu, "lost");
    if (device->gpu >= gpu_count(*text) || scenario_is_set(*text, key))
        return NVML_ERROR_GPU_IS_LOST;
    snprintf(name, sizeof name, "error.%s", call);
    device_number(*text, device, name, &code);
    return (nvmlReturn_t)code;
}

static nvmlReturn_t enter_device(const char *call, const struct fake_device *device, char **text)
{
    nvmlReturn_t code = enter(call, text);
    if (code != NVML_SUCCESS)
        return code;
    code = is_handle(device) ? device_state(call, device, text) : NVML_ERROR_INVALID_ARGUMENT;
    if (code != NVML_SUCCESS) {
        free(*text);
        *text = NULL;
    }
    return code;
}

static nvmlReturn_t answer_number(const char *call, nvmlDevice_t device, const char *name, unsigned long long *value)
{
    char *text;
    nvmlReturn_t code = enter_device(call, device, &text);
    if (code != NVML_SUCCESS)
        return code;
    code = device_number(text, device, name, value) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
    free(text);
    return code;
}

static nvmlReturn_t answer_uint(const char *call, nvmlDevice_t device, const char *name, unsigned int *value)
{
    unsigned long long number = 0;
    if (value == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_number(call, device, name, &number);
    if (code == NVML_SUCCESS)
        *value = (unsigned int)number;
    return code;
}

static nvmlReturn_t answer_text(const char *call, nvmlDevice_t device, const char *name, char *out, unsigned int length)
{
    char *text, key[KEY_LENGTH];
    nvmlReturn_t code = enter_device(call, device, &text);
    if (code != NVML_SUCCESS)
        return code;
    device_key(key, device, name);
    code = scenario_text(text, key, out, length);
    free(text);
    return code;
}

/* ---- the library ---- */

static nvmlReturn_t initialize(const char *call)
{
    char *text;
    nvmlReturn_t code = enter_library(call, &text);
    if (code != NVML_SUCCESS)
        return code;
    initialized_load = driver_load(text);
    free(text);
    for (unsigned int gpu = 0; gpu < MAX_GPUS; gpu++) {
        gpu_handles[gpu] = (struct fake_device){.gpu = gpu, .instance = -1};
        for (unsigned int instance = 0; instance < MAX_INSTANCES; instance++)
            instance_handles[gpu][instance] = (struct fake_device){.gpu = gpu, .instance = (int)instance};
    }
    initialized++;
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
    char *text;
    nvmlReturn_t code = enter("nvmlShutdown", &text);
    if (code != NVML_SUCCESS)
        return code;
    free(text);
    initialized--;
    return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t result)
{
    (void)result;
    return "an error of the fake NVML library";
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned int length)
{
    char *text;
    nvmlReturn_t code = enter("nvmlSystemGetDriverVersion", &text);
    if (code != NVML_SUCCESS)
        return code;
    code = scenario_text(text, "driver_version", version, length);
    free(text);
    return code;
}

/* ---- which devices there are ---- */

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned int *count)
{
    char *text;
    if (count == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlDeviceGetCount_v2", &text);
    if (code != NVML_SUCCESS)
        return code;
    *count = gpu_count(text);
    free(text);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned int index, nvmlDevice_t *device)
{
    char *text;
    if (device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlDeviceGetHandleByIndex_v2", &text);
    if (code != NVML_SUCCESS)
        return code;
    if (index >= gpu_count(text)) {
        code = NVML_ERROR_INVALID_ARGUMENT;
    } else {
        *device = &gpu_handles[index];
        code = device_state("nvmlDeviceGetHandleByIndex_v2", *device, &text);
    }
    free(text);
    return code;
}

static bool has_uuid(const char *text, const struct fake_device *device, const char *uuid)
{
    char key[KEY_LENGTH], own[96];
    device_key(key, device, "uuid");
    return scenario_text(text, key, own, sizeof own) == NVML_SUCCESS && strcmp(own, uuid) == 0;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *device)
{
    char *text;
    if (uuid == NULL || device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter("nvmlDeviceGetHandleByUUID", &text);
    if (code != NVML_SUCCESS)
        return code;
    struct fake_device *found = NULL;
    for (unsigned int gpu = 0; found == NULL && gpu < gpu_count(text); gpu++) {
        if (has_uuid(text, &gpu_handles[gpu], uuid))
            found = &gpu_handles[gpu];
        for (unsigned int instance = 0; found == NULL && instance < MAX_INSTANCES; instance++)
            if (has_uuid(text, &instance_handles[gpu][instance], uuid))
                found = &instance_handles[gpu][instance];
    }
    *device = found;
    code = found == NULL ? NVML_ERROR_NOT_FOUND : device_state("nvmlDeviceGetHandleByUUID", found, &text);
    free(text);
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
    char *text;
    if (place == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device(call, device, &text);
    if (code != NVML_SUCCESS)
        return code;
    free(text);
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

/* ---- what a device does now ---- */

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *utilization)
{
    unsigned int percent = 0;
    if (utilization == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_uint("nvmlDeviceGetUtilizationRates", device, "utilization", &percent);
    if (code == NVML_SUCCESS)
        *utilization = (nvmlUtilization_t){.gpu = percent, .memory = percent};
    return code;
}

static nvmlReturn_t answer_memory(const char *call, nvmlDevice_t device, nvmlMemory_v2_t *memory)
{
    char *text;
    nvmlReturn_t code = enter_device(call, device, &text);
    if (code != NVML_SUCCESS)
        return code;
    memory->reserved = 0;
    device_number(text, device, "memory_reserved", &memory->reserved);
    if (!device_number(text, device, "memory_total", &memory->total)
        || !device_number(text, device, "memory_used", &memory->used)
        || !device_number(text, device, "memory_free", &memory->free))
        code = NVML_ERROR_NOT_SUPPORTED;
    free(text);
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

/* Fills at most `room` infos from `pid:bytes pid:-`; returns how many processes there are. */
static unsigned int parse_processes(const char *at, const char *end, nvmlProcessInfo_t *infos, unsigned int room)
{
    unsigned int count = 0;
    while (at < end) {
        char *after;
        unsigned long long bytes = NVML_VALUE_NOT_AVAILABLE;
        unsigned int pid = (unsigned int)strtoul(at, &after, 10);
        if (*after == ':' && after[1] != '-')
            bytes = strtoull(after + 1, &after, 10);
        if (count < room)
            infos[count] = (nvmlProcessInfo_t){pid, bytes, NVML_NO_INSTANCE, NVML_NO_INSTANCE};
        count++;
        at = after + strcspn(after, " \n");
        while (at < end && *at == ' ')
            at++;
    }
    return count;
}

static nvmlReturn_t answer_processes(const char *call, nvmlDevice_t device, unsigned int *count, nvmlProcessInfo_t *infos)
{
    char *text, key[KEY_LENGTH];
    if (count == NULL || (*count > 0 && infos == NULL))
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device(call, device, &text);
    if (code != NVML_SUCCESS)
        return code;
    const char *end;
    device_key(key, device, "processes");
    const char *list = scenario_find(text, key, &end);
    if (list == NULL) {
        code = NVML_ERROR_NOT_SUPPORTED;
    } else {
        unsigned int room = *count;
        *count = parse_processes(list, end, infos, room);
        code = *count > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
    }
    free(text);
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

/* Fills at most `room` samples that are newer than `since`; returns how many there are. */
static unsigned int parse_samples(const char *at, const char *end, unsigned long long since, nvmlProcessUtilizationSample_t *samples, unsigned int room)
{
    unsigned int count = 0;
    while (at < end) {
        char *after;
        nvmlProcessUtilizationSample_t sample = {.pid = (unsigned int)strtoul(at, &after, 10)};
        sample.timeStamp = strtoull(after + 1, &after, 10);
        sample.smUtil = (unsigned int)strtoul(after + 1, &after, 10);
        if (sample.timeStamp > since) {
            if (count < room)
                samples[count] = sample;
            count++;
        }
        at = after;
        while (at < end && *at == ' ')
            at++;
    }
    return count;
}

nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *samples, unsigned int *count, unsigned long long since)
{
    char *text, key[KEY_LENGTH];
    if (count == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetProcessUtilization", device, &text);
    if (code != NVML_SUCCESS)
        return code;
    const char *end;
    device_key(key, device, "process_utilization");
    const char *list = scenario_find(text, key, &end);
    if (list == NULL) {
        code = NVML_ERROR_NOT_SUPPORTED;
    } else {
        unsigned int room = samples == NULL ? 0 : *count;
        *count = parse_samples(list, end, since, samples, room);
        if (*count == 0)
            code = NVML_ERROR_NOT_FOUND;
        else
            code = *count > room ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
    }
    free(text);
    return code;
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
    char *text;
    if (instance == NULL || index >= MAX_INSTANCES)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetMigDeviceHandleByIndex", device, &text);
    if (code != NVML_SUCCESS)
        return code;
    unsigned long long count = 0;
    device_number(text, device, "mig.count", &count);
    free(text);
    if (index >= count)
        return NVML_ERROR_NOT_FOUND;
    *instance = &instance_handles[device->gpu][index];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t instance, nvmlDevice_t *device)
{
    char *text;
    if (device == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", instance, &text);
    if (code != NVML_SUCCESS)
        return code;
    free(text);
    if (instance->instance < 0)
        return NVML_ERROR_INVALID_ARGUMENT;
    *device = &gpu_handles[instance->gpu];
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned int *is_instance)
{
    char *text;
    if (is_instance == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceIsMigDeviceHandle", device, &text);
    if (code != NVML_SUCCESS)
        return code;
    free(text);
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
