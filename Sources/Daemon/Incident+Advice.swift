import Ingest

extension Incident {
    /// What a person can do about it.
    var advice: String {
        switch self {
        case .noRule: "write a rule for these topics, or subscribe to less"
        case .topicTooLong, .payloadTooLarge, .payloadTooDeep:
            "look for the publisher; if it is a sensor of yours, raise the limit of that name"
        case .notJSON, .notUTF8: "the sensor sends something else than its rule's format"
        case .noMemory: "the machine is short of memory"
        case .unknownFacility: "add the facility to the configuration, or look for the publisher"
        case .fieldMissing, .fieldHasWrongType:
            "compare the shape below with the pointers of the rule"
        case .unknownWord: "add the word to the rule's values; 'mosquitto_sub -v' shows it"
        case .outOfRange: "the sensor counts what cannot be, or the rule reads another field"
        case .badBayName: "the rule reads a bay's name where there is none"
        case .unknownDevice: "enter the device in the list of devices, or look for who publishes it"
        case .badDeviceName: "the rule reads a device's name where there is none"
        case .unknownZone: "add the zone to its facility, or look for the publisher"
        case .tooManyElements: "look for the publisher: no sensor sends that many at once"
        case .notDecoded: "give the sensor's type a payload formatter in the network server"
        case .tooManyBays: "raise limits.bays if they are real; else look for the publisher"
        case .tooManySensors:
            "raise limits.sensors (limits.bays for one facility) if they are real; else look for the publisher"
        case .noCapacity: "give the zone or class a capacity, or the device neither"
        case .countOfBay:
            "nothing, if the list of devices is right: who watches a bay counts no car park"
        case .retainedMovement: "let the sensor publish its movements without the retain flag"
        case .repeatedMessage: "nothing: a network delivered twice, and it was counted once"
        case .noCondition, .simulated: "nothing: it is not about parking"
        case .notAnUplink:
            "nothing, unless it is every message: then the rule's envelope is not that of its network server"
        case .resetCode, .frameCounterReset:
            "nothing, unless it happens often: then the sensor restarts"
        case .retransmission: "nothing, unless it happens often: then look at its reception"
        case .networkServerTrouble: "look into the network server's log of the device"
        case .untimedTotal: "set the sensor's clock; its live totals count all the same"
        case .futureClock, .unsetClock, .unreadableTime: "set the sensor's clock"
        case .counterReset, .counterJump: "look whether the sensor restarts, or was replaced"
        case .missingMessages: "look at the reception of these sensors"
        case .sequenceReset: "nothing, unless it happens often: then the sensor restarts"
        }
    }
}
