import Testing

@testable import Configuration

@Suite struct `A field that may belong to a person` {
    @Test(arguments: [
        "plate", "licencePlate", "text", "reg", "car_reg", "vehicle_reg", "Registration", "kfz",
        "Kfz-Kennzeichen", "nummernschild", "matricula", "Matrícula", "immatriculation", "tag",
        "tags", "tag_id", "driver", "driver_id", "drivers_licence", "first_name", "lastName",
        "surname", "card_holder", "user_name", "user_id", "license", "Licence", "licenceNo", "lp",
        "LP1", "lp_text", "LPR", "lprResult", "anpr", "alpr_number", "targa", "RegNr", "regnr",
        "owner", "vehicleOwner", "person", "person-id", "customer", "customerNumber", "user",
        "imsi", "imei", "msisdn", "mobile", "mobile_no", "card", "parkingCardNo", "badge",
        "badge_uid", "ticket", "entryTicketID", "TICKET_NO", "vehicle_id", "vehicleId", "VehicleID",
    ]) func `is known by its name`(name: String) {
        #expect(PersonalField.names(name))
    }

    @Test(arguments: [
        "name", "uid", "template_id", "driver_version", "region", "register", "stage", "staged",
        "vehicle_region", "parking_slot_status_name", "context", "deviceName", "occupied",
        "vehicle_count", "vehicle", "vehicle_identified", "parking_status", "cardinal", "discard",
        "ticket_machine_state", "ticketCount", "tickets", "person_count", "persons", "user_count",
        "card_reader_fault", "mobile_signal", "lp_mode", "help", "dimSignal", "license_state",
        "anpr_direction", "ownership", "mac", "carID", "Parking_ID", "id", "number", "name_text",
    ]) func `is not taken for one that is a sensor's`(name: String) {
        #expect(!PersonalField.names(name))
    }

    @Test(arguments: [
        ("envelope:/deviceInfo/tags/bay", nil),
        ("envelope:/deviceInfo/tags/plate", "plate"),
        ("envelope:/tags/bay", "tags"),
        ("/deviceInfo/tags/bay", "tags"),
    ]) func `is none of the tags that an operator gave a device`(
        source: String,
        name: String?
    ) throws {
        let text = try smallest.replacing(
            once: "    occupied: /occupied\n",
            by: "    occupied: \(source)\n    envelope: chirpstack\n"
        )
        let complaint = name.map { name in
            "c.yaml:13:15: rules[0].occupied: '\(name)' looks like a number plate or another mark of "
                + "a person, which is never read; remove it, or ask the sender for a field without it"
        }
        #expect(complaints(text) == (complaint.map { [$0] } ?? []))
    }
}
