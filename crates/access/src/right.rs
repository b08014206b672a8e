//! The rights, with the stable words the outside knows them by.

/// What somebody may be allowed to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// See tickets and comment on them.
    TicketsView,
    /// Create and change tickets.
    TicketsEdit,
    /// Write to contacts.
    TicketsCommunicate,
    /// Change pipelines, properties, channels and other settings.
    SettingsManage,
    /// Add users, change their roles, take access away.
    UsersManage,
    /// Make and revoke tokens of one's own.
    TokensOwn,
    /// Read the log itself.
    LogRead,
    /// Erase persons, and words and files for ever.
    Erase,
    /// Read the audit log.
    AuditRead,
}

impl Right {
    /// Every right.
    pub const ALL: [Self; 9] = [
        Self::TicketsView,
        Self::TicketsEdit,
        Self::TicketsCommunicate,
        Self::SettingsManage,
        Self::UsersManage,
        Self::TokensOwn,
        Self::LogRead,
        Self::Erase,
        Self::AuditRead,
    ];

    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TicketsView => "tickets.view",
            Self::TicketsEdit => "tickets.edit",
            Self::TicketsCommunicate => "tickets.communicate",
            Self::SettingsManage => "settings.manage",
            Self::UsersManage => "users.manage",
            Self::TokensOwn => "tokens.own",
            Self::LogRead => "log.read",
            Self::Erase => "content.erase",
            Self::AuditRead => "audit.read",
        }
    }
}
