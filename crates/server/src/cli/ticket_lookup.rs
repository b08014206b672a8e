//! From a ticket's number to its stream, by the claim that is written together with the ticket.

use commands::claims::TICKET_NUMBER;
use decider::WorkspaceId;
use events::TicketId;

use super::CliError;
use crate::service::Service;

/// The ticket of a number.
pub async fn ticket(service: &Service, ws: WorkspaceId, number: u64) -> Result<TicketId, CliError> {
    let key = number.to_string();
    let mac = service.vault.mac(ws, &format!("claim.{TICKET_NUMBER}"), key.as_bytes());
    let rows = service.reader.claims(ws, &[(TICKET_NUMBER, mac)]).await?;
    let holder = rows.first().and_then(|row| row.holder);
    holder.map(TicketId).ok_or(CliError::Missing { what: "ticket", name: key })
}
