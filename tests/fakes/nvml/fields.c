/* Many values in one call, each with a code of its own. */

#include "fake.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fill(nvmlFieldValue_t *field, const char *value)
{
    const char *number = strchr(value, ':') == NULL ? value : strchr(value, ':') + 1;
    field->nvmlReturn = NVML_SUCCESS;
    if (strncmp(value, "double:", 7) == 0) {
        field->valueType = NVML_DOUBLE;
        field->value.dVal = strtod(number, NULL);
    } else if (strncmp(value, "uint:", 5) == 0) {
        field->valueType = NVML_UINT;
        field->value.uiVal = (unsigned int)strtoul(number, NULL, 10);
    } else if (strncmp(value, "int:", 4) == 0) {
        field->valueType = NVML_INT;
        field->value.siVal = (int)strtol(number, NULL, 10);
    } else {
        field->valueType = NVML_ULL;
        field->value.ullVal = strtoull(number, NULL, 10);
    }
}

nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values)
{
    scenario *held;
    if (count <= 0 || values == NULL)
        return NVML_ERROR_INVALID_ARGUMENT;
    nvmlReturn_t code = enter_device("nvmlDeviceGetFieldValues", device, &held);
    if (code != NVML_SUCCESS)
        return code;
    for (int place = 0; place < count; place++) {
        char name[KEY_LENGTH];
        unsigned long long refused = NVML_ERROR_NOT_SUPPORTED;
        snprintf(name, sizeof name, values[place].scopeId == 0 ? "field.%u" : "field.%u.%u", values[place].fieldId, values[place].scopeId);
        const char *value = device_find(held, device, name);
        if (value != NULL) {
            fill(&values[place], value);
            continue;
        }
        snprintf(name, sizeof name, "error.field.%u", values[place].fieldId);
        device_number(held, device, name, &refused);
        values[place].nvmlReturn = (nvmlReturn_t)refused;
    }
    scenario_done(held);
    return NVML_SUCCESS;
}
