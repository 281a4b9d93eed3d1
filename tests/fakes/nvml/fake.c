#define _POSIX_C_SOURCE 200809L

#include "fake.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct fake_device gpu_handles[MAX_GPUS];
struct fake_device instance_handles[MAX_GPUS][MAX_INSTANCES];
static atomic_int initialized;
static atomic_ullong initialized_load; /* the `driver_load` that it was initialized under */
static atomic_uint initialized_gpus; /* how many GPUs there were then */

static unsigned long long driver_load(const scenario *held)
{
    unsigned long long load = 1;
    scenario_number(held, "driver_load", &load);
    return load;
}

void begin(const scenario *held)
{
    /* what was initialized under another driver went with it */
    if (initialized_load != driver_load(held))
        initialized = 0;
    initialized_load = driver_load(held);
    if (initialized == 0)
        initialized_gpus = gpu_count(held);
    initialized++;
}

void end(void)
{
    initialized--;
}

/* Blocks for as long as the scenario has the key set. *held is what it says then; NULL if that cannot be read. */
static void hang(const char *key, scenario **held)
{
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = 3 * 1000 * 1000};
    while (*held != NULL && scenario_is_set(*held, key)) {
        scenario_done(*held);
        nanosleep(&pause, NULL);
        *held = scenario_now();
    }
}

static void log_call(const scenario *held, const char *call)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static char open_path[1024];
    static int file = -1;
    char line[128];
    const char *path = scenario_find(held, "call_log");
    if (path == NULL)
        return;
    int length = snprintf(line, sizeof line, "%s\n", call);
    pthread_mutex_lock(&mutex);
    if (strcmp(path, open_path) != 0) {
        if (file >= 0)
            close(file);
        file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        snprintf(open_path, sizeof open_path, "%s", path);
    }
    if (file < 0 || write(file, line, (size_t)length) != length)
        fprintf(stderr, "fake NVML: cannot write to %s\n", path);
    pthread_mutex_unlock(&mutex);
}

static bool is_handle(const struct fake_device *device)
{
    const struct fake_device *instances = &instance_handles[0][0];
    return (device >= gpu_handles && device < gpu_handles + MAX_GPUS)
        || (device >= instances && device < instances + MAX_GPUS * MAX_INSTANCES);
}

nvmlReturn_t enter_unloaded(const char *call, scenario **held)
{
    char key[KEY_LENGTH];
    unsigned long long code = NVML_SUCCESS;
    *held = scenario_now();
    if (*held == NULL)
        return NVML_ERROR_UNKNOWN;
    log_call(*held, call);
    snprintf(key, sizeof key, "hang.%s", call);
    hang(key, held);
    if (*held == NULL)
        return NVML_ERROR_UNKNOWN;
    snprintf(key, sizeof key, "error.%s", call);
    scenario_number(*held, key, &code);
    if (driver_load(*held) == 0)
        code = NVML_ERROR_DRIVER_NOT_LOADED;
    if (code != NVML_SUCCESS)
        scenario_done(*held);
    return (nvmlReturn_t)code;
}

nvmlReturn_t enter(const char *call, scenario **held)
{
    nvmlReturn_t code = enter_unloaded(call, held);
    if (code == NVML_SUCCESS && (initialized == 0 || driver_load(*held) != initialized_load)) {
        scenario_done(*held);
        return NVML_ERROR_UNINITIALIZED;
    }
    return code;
}

nvmlReturn_t device_state(const char *call, const struct fake_device *device, scenario **held)
{
    const struct fake_device *gpu = &gpu_handles[device->gpu];
    char key[KEY_LENGTH], name[KEY_LENGTH];
    unsigned long long code = NVML_SUCCESS;

    device_key(key, gpu, "hang");
    hang(key, held);
    if (*held == NULL)
        return NVML_ERROR_UNKNOWN;
    device_key(key, gpu, "lost");
    if (device->gpu >= gpu_count(*held) || scenario_is_set(*held, key))
        return NVML_ERROR_GPU_IS_LOST;
    snprintf(name, sizeof name, "error.%s", call);
    device_number(*held, device, name, &code);
    return (nvmlReturn_t)code;
}

nvmlReturn_t enter_device(const char *call, const struct fake_device *device, scenario **held)
{
    nvmlReturn_t code = enter(call, held);
    if (code != NVML_SUCCESS)
        return code;
    code = is_handle(device) ? device_state(call, device, held) : NVML_ERROR_INVALID_ARGUMENT;
    if (code != NVML_SUCCESS && *held != NULL)
        scenario_done(*held);
    return code;
}

void device_key(char *key, const struct fake_device *device, const char *name)
{
    if (device->instance < 0)
        snprintf(key, KEY_LENGTH, "gpu.%u.%s", device->gpu, name);
    else
        snprintf(key, KEY_LENGTH, "gpu.%u.mig.%d.%s", device->gpu, device->instance, name);
}

const char *device_find(const scenario *held, const struct fake_device *device, const char *name)
{
    char key[KEY_LENGTH];
    device_key(key, device, name);
    return scenario_find(held, key);
}

bool device_number(const scenario *held, const struct fake_device *device, const char *name, unsigned long long *value)
{
    char key[KEY_LENGTH];
    device_key(key, device, name);
    return scenario_number(held, key, value);
}

unsigned int gpu_count(const scenario *held)
{
    unsigned long long count = 0;
    scenario_number(held, "gpus", &count);
    if (initialized > 0 && scenario_is_set(held, "counted_once") && count > initialized_gpus)
        count = initialized_gpus;
    return count > MAX_GPUS ? MAX_GPUS : (unsigned int)count;
}

nvmlReturn_t copy_text(const char *value, char *out, unsigned int length)
{
    if (out == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    if (value == NULL)
        return NVML_ERROR_NOT_SUPPORTED;
    if (strlen(value) >= length)
        return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(out, value);
    return NVML_SUCCESS;
}

nvmlReturn_t answer_number(const char *call, nvmlDevice_t device, const char *name, unsigned long long *value)
{
    scenario *held;
    nvmlReturn_t code = enter_device(call, device, &held);
    if (code != NVML_SUCCESS)
        return code;
    code = device_number(held, device, name, value) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
    scenario_done(held);
    return code;
}

nvmlReturn_t answer_uint(const char *call, nvmlDevice_t device, const char *name, unsigned int *value)
{
    unsigned long long number = 0;
    if (value == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = answer_number(call, device, name, &number);
    if (code == NVML_SUCCESS)
        *value = (unsigned int)number;
    return code;
}

nvmlReturn_t answer_place_uint(const char *call, nvmlDevice_t device, const char *name, unsigned int place, unsigned int *value)
{
    char key[KEY_LENGTH];
    snprintf(key, sizeof key, "%s.%u", name, place);
    return answer_uint(call, device, key, value);
}

nvmlReturn_t answer_text(const char *call, nvmlDevice_t device, const char *name, char *out, unsigned int length)
{
    scenario *held;
    nvmlReturn_t code = enter_device(call, device, &held);
    if (code != NVML_SUCCESS)
        return code;
    code = copy_text(device_find(held, device, name), out, length);
    scenario_done(held);
    return code;
}
